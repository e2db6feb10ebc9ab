// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/smaps.hpp"

#include "gup_test/catch.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view text =
    "1000-3000 rw-p 00000000 00:00 0 \n"
    "KernelPageSize:        4 kB\n"
    "AnonHugePages:      2048 kB\n"
    "ShmemPmdMapped:       10 kB\n"
    "FilePmdMapped:         5 kB\n"
    "VmFlags: rd wr mr mw me ac sd hg \n"
    "3000-5000 r--s 00001000 00:11 77                  /anon_hugepage (deleted)\n"
    "KernelPageSize:     2048 kB\n"
    "VmFlags: rd mr mw me de ht \n";

} // namespace

TEST_CASE("every mapping comes with its own fields") {
    std::vector<std::pair<std::uintptr_t, std::string_view>> seen;
    gup::detail::for_each_smaps_entry(text, [&](const gup::detail::vma& mapping, std::string_view fields) {
        seen.emplace_back(mapping.pages.begin, fields);
    });
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].first == 0x1000);
    CHECK(seen[0].second.starts_with("KernelPageSize:        4"));
    CHECK(seen[0].second.ends_with("hg \n"));
    CHECK(seen[1].first == 0x3000);
    CHECK(seen[1].second.ends_with("ht \n"));
}

TEST_CASE("the list of mappings alone has no fields") {
    int seen = 0;
    gup::detail::for_each_smaps_entry("1000-2000 rw-p 00000000 00:00 0\n2000-3000 rw-p 00000000 00:00 0",
                                      [&](const gup::detail::vma&, std::string_view fields) {
                                          ++seen;
                                          CHECK(fields.empty());
                                      });
    CHECK(seen == 2);
    gup::detail::for_each_smaps_entry("", [](const auto&...) { FAIL("nothing is there"); });
}

TEST_CASE("the pages of a mapping are told by its fields") {
    gup::detail::for_each_smaps_entry(text, [](const gup::detail::vma& mapping, std::string_view fields) {
        const bool first = mapping.pages.begin == 0x1000;
        CHECK(gup::detail::transparent_huge_bytes(fields) == (first ? 2063U * 1024 : 0U));
        CHECK(gup::detail::hugetlb_page_bytes(fields) == (first ? 0U : 2048U * 1024));
    });
}
