// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/caller_range.hpp"

#include "gup_test/catch.hpp"

#include <limits>

using gup::dma_access;
using gup::detail::page_range;
using gup::detail::range_content;
using gup::detail::shared_part;

namespace {

std::span<const std::byte> range(std::uintptr_t begin, std::size_t bytes) {
    return {reinterpret_cast<const std::byte*>(begin), bytes};
}

constexpr std::string_view maps =
    "10000-12000 rw-p 00000000 00:00 0 \n"
    "12000-13000 r--p 00000000 08:01 77                  /usr/lib/a b\n"
    "20000-22000 rw-s 00004000 00:01 5                   /memfd:ring (deleted)\n"
    "22000-23000 rw-s 00006000 00:01 5                   /memfd:ring (deleted)\n"
    "23000-26000 rw-s 00004000 00:01 5                   /memfd:ring (deleted)\n"
    "30000-31000 ---p 00000000 00:00 0 \n"
    "31000-32000 rw-s 00000000 00:0f 9                   /secretmem (deleted)\n"
    "40000-41000 rw-s 00000000 08:01 78                  /data/file\n"
    "60000-61000 rw-s 00000000 00:1c 79                  /secretmem.log\n"
    "61000-62000 rw-s 00000000 08:01 80                  /secretmem (deleted)\n"
    "70000-71000 rw-s 20000000000 00:0d 13               anon_inode:[vfio-device]\n"
    "71000-72000 rw-s 00000000 00:0d 13                  anon_inode:[other]\n";

/// What refuses the range, and empty if nothing does.
std::string refusal(page_range pages, dma_access access = dma_access::read_write) {
    gup::pin_failure failure;
    return gup::detail::look_at_range(maps, pages, access, false, failure) ? "" : failure.remedy;
}

} // namespace

TEST_CASE("a range is whole pages or says what is wrong with it") {
    const auto fault = [](std::span<const std::byte> what) {
        gup::pin_failure failure;
        const auto pages = gup::detail::whole_pages(what, 4096, failure);
        if (!pages) CHECK(failure.code == std::errc::invalid_argument);
        return pages ? std::string() : failure.remedy;
    };
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

    CHECK(fault(range(0x10000, 8192)).empty());
    CHECK(fault(range(0, 4096)).find("null") != std::string::npos);
    CHECK(fault(range(0x10000, 0)).find("empty") != std::string::npos);
    CHECK(fault(range(0x10000, most - 0x8000)).find("wraps") != std::string::npos);
    CHECK(fault(range(0x10001, 4096)).find("whole pages") != std::string::npos);
    CHECK(fault(range(0x10000, 4097)).find("whole pages") != std::string::npos);
}

TEST_CASE("memory that cannot be pinned is refused with its address and the reason") {
    CHECK(refusal({0x10000, 0x12000}).empty());
    CHECK(refusal({0x11000, 0x13000}).find("0x12000 is mapped read-only") != std::string::npos);
    CHECK(refusal({0x11000, 0x13000}, dma_access::to_device).find("read-only") != std::string::npos);
    CHECK(refusal({0x11000, 0x13000}, dma_access::read).empty());
    CHECK(refusal({0x12000, 0x14000}, dma_access::read).find("nothing is mapped at 0x13000") !=
          std::string::npos);
    CHECK(refusal({0x1f000, 0x21000}).find("nothing is mapped at 0x1f000") != std::string::npos);
    CHECK(refusal({0x50000, 0x51000}).find("nothing is mapped at 0x50000") != std::string::npos);
    CHECK(refusal({0x30000, 0x31000}).find("without read access") != std::string::npos);
    CHECK(refusal({0x31000, 0x32000}, dma_access::read).find("secret memory") != std::string::npos);
    CHECK(refusal({0x60000, 0x62000}).empty()); // files that only have the name
}

TEST_CASE("the memory of a device is refused unless the domain can pin it, and is no file's") {
    CHECK(refusal({0x70000, 0x71000}).find("0x70000 is the memory of a device") != std::string::npos);
    CHECK(refusal({0x71000, 0x72000}).empty());
    gup::pin_failure failure;
    CHECK_FALSE(gup::detail::look_at_range(maps, {0x70000, 0x71000}, dma_access::read, false, failure));
    CHECK(failure.code == std::errc::operation_not_supported);
    const auto content =
        gup::detail::look_at_range(maps, {0x70000, 0x71000}, dma_access::read_write, true, failure);
    REQUIRE(content.has_value());
    CHECK(content->shared.empty());
    CHECK_FALSE(content->all_shared);
    CHECK_FALSE(content->same_as(*content));
}

TEST_CASE("a range shows the parts of its files, joined where the kernel split them") {
    gup::pin_failure failure;
    const auto look = [&](page_range pages) {
        return *gup::detail::look_at_range(maps, pages, dma_access::read, false, failure);
    };
    const range_content first = look({0x20000, 0x23000});

    CHECK(first.all_shared);
    CHECK(first.shared == std::vector<shared_part>{{1, 5, 0x4000, 0x3000}});
    CHECK(first.same_as(look({0x23000, 0x26000})));
    CHECK_FALSE(first.same_as(look({0x23000, 0x25000})));
    CHECK(look({0x20000, 0x26000}).shared.size() == 2);
    CHECK_FALSE(look({0x10000, 0x12000}).all_shared);
    CHECK_FALSE(look({0x10000, 0x12000}).same_as(look({0x10000, 0x12000})));
}

TEST_CASE("a shared mapping that cannot be written is not taken for the same pages as another") {
    constexpr std::string_view overlay = "10000-11000 rw-s 00000000 00:28 6          /merged/file\n"
                                         "20000-21000 r--s 00000000 00:28 6          /merged/file\n"
                                         "30000-31000 r--s 00000000 00:28 6          /merged/file\n";
    gup::pin_failure failure;
    const auto look = [&](page_range pages) {
        return *gup::detail::look_at_range(overlay, pages, dma_access::read, false, failure);
    };
    const range_content copied_up = look({0x10000, 0x11000}), lower = look({0x20000, 0x21000});
    CHECK_FALSE(lower.same_as(copied_up));
    CHECK(lower.shared.empty());
    CHECK_FALSE(lower.same_as(look({0x30000, 0x31000})));
}

TEST_CASE("the files of a range have each its name, in order") {
    using names = std::vector<std::string_view>;
    CHECK(gup::detail::file_names(maps, {0x20000, 0x26000}) == names{"/memfd:ring (deleted)"});
    CHECK(gup::detail::file_names(maps, {0x25000, 0x41000}) ==
          names{"/memfd:ring (deleted)", "/secretmem (deleted)", "/data/file"});
    CHECK(gup::detail::file_names(maps, {0x10000, 0x13000}).empty()); // private
}

TEST_CASE("a domain's refusal names the mapping that it may not like") {
    const auto explained = [](page_range pages, int error, const char* remedy,
                              gup::pin_budget budget = gup::pin_budget::none) {
        gup::pin_failure failure{
            .code = {error, std::generic_category()}, .budget = budget, .remedy = remedy};
        gup::detail::explain_domain_refusal<gup::system_kernel>(maps, pages, failure);
        return failure.remedy;
    };
    CHECK(explained({0x40000, 0x41000}, EOPNOTSUPP, "use memory") ==
          "the memory at 0x40000 is a shared mapping of /data/file: use memory");
    CHECK(explained({0x11000, 0x13000}, EFAULT, "") == "the memory at 0x12000 is mapped read-only");
    CHECK(explained({0x20000, 0x23000}, EFAULT, "as it was") == "as it was");
    CHECK(explained({0x40000, 0x41000}, EFAULT, "raise", gup::pin_budget::locked_vm) == "raise");
    CHECK(explained({0x11000, 0x13000}, ENOSPC, "free some") == "free some"); // whatever the memory is
}
