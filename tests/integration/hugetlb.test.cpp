// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/slab.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/skip.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

namespace {

using gup::huge_page_size;
using gup::memory_kind;
using gup::pin_failure;
using gup::detail::slab;

constexpr std::size_t base = 4096;

/// Keeps at least `pages` huge pages free in the machine's reserve, and gives the number of before back.
class reserved_huge_pages {
public:
    explicit reserved_huge_pages(std::uint64_t pages) {
        std::ifstream(path) >> before_;
        std::ofstream(path) << before_ + pages;
        std::uint64_t now = 0;
        std::ifstream(path) >> now;
        enough_ = now >= before_ + pages;
    }
    ~reserved_huge_pages() { std::ofstream(path) << before_; }
    reserved_huge_pages(const reserved_huge_pages&) = delete;
    reserved_huge_pages& operator=(const reserved_huge_pages&) = delete;

    bool enough() const { return enough_; }

private:
    static constexpr auto path = "/proc/sys/vm/nr_hugepages";
    std::uint64_t before_ = 0;
    bool enough_ = false;
};

bool aligned(const std::byte* address, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("hugetlb memory comes from the reserve, whole pages, and goes back to it") {
    const reserved_huge_pages reserve{2};
    if (!gup_test::have_optional(reserve.enough(),
                                 "no huge pages can be reserved: needs root and free memory"))
        return;
    pin_failure failure;
    {
        const auto memory = slab<>::try_map(huge_page_size + 1, memory_kind::hugetlb, base, failure);
        REQUIRE(memory);
        CHECK(memory->kind() == memory_kind::hugetlb);
        CHECK(memory->memory().size() == huge_page_size + 1);
        CHECK(memory->page_size_got() == huge_page_size);
        CHECK(aligned(memory->memory().data(), huge_page_size));
        memory->memory().back() = std::byte{1};
        CHECK_FALSE(slab<>::try_map(huge_page_size, memory_kind::hugetlb, base, failure));
        CHECK(contains(failure.remedy, "/proc/sys/vm/nr_hugepages"));
    }
    CHECK(slab<>::try_map(2 * huge_page_size, memory_kind::hugetlb, base, failure));
}

TEST_CASE("hugetlb memory can start at a larger alignment than its pages") {
    const reserved_huge_pages reserve{4};
    if (!gup_test::have_optional(reserve.enough(),
                                 "no huge pages can be reserved: needs root and free memory"))
        return;
    pin_failure failure;
    const auto memory = slab<>::try_map(huge_page_size, memory_kind::hugetlb, 4 * huge_page_size, failure);
    REQUIRE(memory);
    CHECK(aligned(memory->memory().data(), 4 * huge_page_size));
    memory->memory().back() = std::byte{1};
}
