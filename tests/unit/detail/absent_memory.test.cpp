// SPDX-License-Identifier: BSL-1.0
// On the real kernel: memory of files that end before their mappings do.
#include "gup/detail/absent_memory.hpp"

#include "gup_test/mappings.hpp"
#include "gup_test/skip.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>

using gup::detail::page_range;
using namespace gup_test;

namespace {

page_range pages_of(std::span<std::byte> range) {
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
    return {begin, begin + range.size()};
}

struct kernel_before_5_14 : gup::system_kernel {
    static int madvise(void*, std::size_t, int) noexcept { return -EINVAL; }
};
struct interrupted_kernel : gup::system_kernel {
    static inline int calls = 0;
    static int madvise(void*, std::size_t, int) noexcept { return ++calls < 3 ? -EINTR : 0; }
};

bool can_populate() {
    private_pages memory(1);
    const int result = gup::detail::populate<gup::system_kernel>(pages_of(memory.all()), MADV_POPULATE_WRITE);
    return have(result == 0, "this kernel has no MADV_POPULATE_WRITE");
}

} // namespace

TEST_CASE("new memory is brought in, with and without the kernel's help") {
    private_pages memory(300), other(300);
    CHECK(gup::detail::populate_new<gup::system_kernel>(pages_of(memory.all())) == 0);
    CHECK(gup::detail::populate_new<kernel_before_5_14>(pages_of(other.all())) == 0);
    for (const auto range : {memory.all(), other.all()}) {
        std::vector<unsigned char> in(300);
        REQUIRE(::mincore(range.data(), range.size(), in.data()) == 0);
        CHECK(std::count_if(in.begin(), in.end(), [](unsigned char c) { return (c & 1) != 0; }) == 300);
        CHECK(range[0] == std::byte{0});
    }
}

TEST_CASE("a page beyond the end of its file is refused and never touched") {
    if (!can_populate()) return;
    memory_file file(3);
    mapping memory(file.fd(), 0, 5);
    CHECK(gup::detail::populate_new<gup::system_kernel>(pages_of(memory.all())) == -EFAULT);
    CHECK(gup::detail::populate_new<kernel_before_5_14>(pages_of(memory.all())) == -EFAULT);

    for (const std::size_t first : {0U, 1U, 2U, 3U}) {
        const auto found =
            gup::detail::find_absent<gup::system_kernel>(pages_of(memory.range(first, 5 - first)));
        REQUIRE(found.has_value());
        CHECK(*found == reinterpret_cast<std::uintptr_t>(memory.page(3)));
    }
    CHECK_FALSE(gup::detail::find_absent<gup::system_kernel>(pages_of(memory.range(0, 3))).has_value());
    CHECK_FALSE(gup::detail::find_absent<kernel_before_5_14>(pages_of(memory.all())).has_value());
}

TEST_CASE("what is absent is named with its file") {
    if (!can_populate()) return;
    memory_file file(1);
    mapping memory(file.fd(), 0, 2);
    gup::pin_failure failure{.remedy = "another kind of memory"};
    REQUIRE(gup::detail::explain_absent<gup::system_kernel>(pages_of(memory.all()), failure));
    INFO(failure.remedy);
    CHECK(failure.remedy.find(gup::detail::hexadecimal(reinterpret_cast<std::uintptr_t>(memory.page(1)))) !=
          std::string::npos);
    CHECK(failure.remedy.find("beyond the end of its file") != std::string::npos);
    CHECK(failure.remedy.find("/memfd:gup test") != std::string::npos);
}

TEST_CASE("memory that is there, or cannot be read, is not absent") {
    private_pages memory(2);
    mapping closed(-1, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS, 1, PROT_NONE);
    gup::pin_failure failure{.remedy = "as it was"};
    CHECK_FALSE(gup::detail::explain_absent<gup::system_kernel>(pages_of(memory.all()), failure));
    CHECK_FALSE(gup::detail::explain_absent<gup::system_kernel>(pages_of(closed.all()), failure));
    CHECK(failure.remedy == "as it was");
}

TEST_CASE("a signal does not end it") {
    CHECK(gup::detail::populate<interrupted_kernel>({4096, 8192}, MADV_POPULATE_READ) == 0);
    CHECK(interrupted_kernel::calls == 3);
}
