// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/vma.hpp"

#include "gup/kernel.hpp"
#include "gup_test/catch.hpp"

#include <vector>

using gup::detail::page_range;
using gup::detail::vma;

namespace {

std::vector<vma> all(std::string_view maps) {
    std::vector<vma> found;
    gup::detail::for_each_vma(maps, [&](const vma& mapping) { found.push_back(mapping); });
    return found;
}

} // namespace

TEST_CASE("A line of /proc/self/maps gives the range and whether it can be accessed") {
    const auto found = all("00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/a b\n"
                           "7f1000-7f2000 ---p 00000000 00:00 0\n"
                           "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n");

    REQUIRE(found.size() == 3);
    CHECK(found[0].pages == page_range{0x400000, 0x452000});
    CHECK(found[0].accessible());
    CHECK(found[1].pages == page_range{0x7f1000, 0x7f2000});
    CHECK_FALSE(found[1].accessible());
    CHECK(found[2].pages == page_range{0xffffffffff600000, 0xffffffffff601000});
    CHECK(found[2].accessible());
}

TEST_CASE("A line of /proc/self/maps gives the part of the file that it shows") {
    const auto found = all("7f0000-7f3000 rw-s 00012000 fd:1a 173521                     /a (b) 1\n"
                           "7f3000-7f4000 r--p 00000000 00:00 0 \n"
                           "7f4000-7f5000 r--p 00000000 00:00 0                          [vvar]");

    REQUIRE(found.size() == 3);
    CHECK((found[0].shared && found[0].readable && found[0].writable && !found[0].executable));
    CHECK(found[0].offset == 0x12000);
    CHECK(found[0].device == (std::uint64_t{0xfd} << 32 | 0x1a));
    CHECK(found[0].inode == 173521);
    CHECK(found[0].name == "/a (b) 1");
    CHECK_FALSE((found[1].shared || found[1].writable));
    CHECK(found[1].inode == 0);
    CHECK(found[1].name.empty());
    CHECK(found[2].name == "[vvar]");
}

TEST_CASE("Lines that are no mappings are passed over") {
    CHECK(all("").empty());
    CHECK(all("\n\nSize: 4 kB\nzz-yy rw-p\n1000\n1000-\n1000-2000\n1000-2000 rw").empty());
    CHECK(all("garbage\n1000-2000 rw-p").size() == 1);
}

TEST_CASE("Two ranges intersect in their common pages") {
    CHECK(intersection(page_range{1, 5}, page_range{3, 9}) == page_range{3, 5});
    CHECK(intersection(page_range{1, 3}, page_range{3, 9}).empty());
    CHECK(intersection(page_range{1, 2}, page_range{3, 9}).empty());
}

TEST_CASE("a process with about as many mappings as it may have is told so") {
    struct full : gup::system_kernel {
        static int read_text(const char* path, std::string& text) {
            text = path == std::string("/proc/self/maps") ? "1000-2000 rw-p\n3000-4000 rw-p\n" : "3\n";
            return 0;
        }
    };
    CHECK(gup::detail::explain_map_count<full>().find("2 of at most 3 mappings") != std::string::npos);
    CHECK(gup::detail::explain_map_count<full>().find("sysctl vm.max_map_count=6") != std::string::npos);
    CHECK(gup::detail::explain_map_count<full>(1).empty());
    CHECK(gup::detail::explain_map_count<gup::system_kernel>().empty());
}
