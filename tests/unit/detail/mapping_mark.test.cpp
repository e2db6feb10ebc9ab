// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/mapping_mark.hpp"

#include "gup_test/child.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/skip.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>

using gup::detail::page_range;
using namespace gup_test;

namespace {

using marks_type = gup::detail::mapping_marks<gup::system_kernel>;

struct forbidding_kernel : gup::system_kernel {
    static int userfaultfd(unsigned) noexcept { return -EPERM; }
};

page_range pages_of(std::span<std::byte> range) {
    return gup::detail::touched_pages(range, page_bytes());
}
bool marked(page_range pages) {
    std::string maps;
    REQUIRE(gup::system_kernel::read_text("/proc/self/maps", maps) == 0);
    return marks_type::current().marked(maps, pages);
}
bool mark(page_range pages) {
    return have_optional(marks_type::current().mark(pages), "userfaultfd is forbidden here");
}
void map_anew(std::byte* at, std::size_t bytes, int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
    REQUIRE(::mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0) == at);
}

} // namespace

TEST_CASE("marked memory stays marked, whatever is done with it") {
    private_pages memory(8);
    const auto pages = pages_of(memory.range(1, 6));
    if (!mark(pages)) return;
    CHECK(marked(pages));
    CHECK(marked(pages_of(memory.range(2, 3))));
    CHECK_FALSE(marked(pages_of(memory.all())));

    std::memset(memory.page(0), 1, memory.all().size());
    REQUIRE(::mprotect(memory.page(3), page_bytes(), PROT_READ) == 0); // the mapping is in pieces now
    CHECK(marked(pages));
    marks_type::current().unmark(pages);
    CHECK_FALSE(marked(pages));
}

TEST_CASE("memory that was mapped anew is another, wholly or in part, touched or not") {
    for (const bool touched : {false, true})
        for (const auto& [first, count] :
             {std::pair<std::size_t, std::size_t>{0, 4}, {0, 1}, {1, 2}, {3, 1}}) {
            private_pages memory(4);
            std::memset(memory.page(0), 1, memory.all().size());
            if (!mark(pages_of(memory.all()))) return;
            REQUIRE(::munmap(memory.page(first), count * page_bytes()) == 0);
            CHECK_FALSE(marked(pages_of(memory.all()))); // a hole
            map_anew(memory.page(first), count * page_bytes());
            if (touched) std::memset(memory.page(0), 1, memory.all().size());
            CHECK_FALSE(marked(pages_of(memory.all())));
        }
}

TEST_CASE("memory that was moved away is not there any more") {
    private_pages memory(2), target(2);
    if (!mark(pages_of(memory.all()))) return;
    REQUIRE(::mremap(memory.page(0), 2 * page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED,
                     target.page(0)) == target.page(0));
    map_anew(memory.page(0), 2 * page_bytes());
    CHECK_FALSE(marked(pages_of(memory.all())));
}

TEST_CASE("a forked child's memory is not its parent's") {
    private_pages memory(1);
    const auto pages = pages_of(memory.all());
    if (!mark(pages)) return;
    const auto child = in_child([&] {
        if (marked(pages)) return 1;
        if (!marks_type::current().mark(pages) || !marked(pages)) return 2;
        marks_type::current().unmark(pages);
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(marked(pages));
    marks_type::current().unmark(pages);
}

TEST_CASE("where it is forbidden nothing is marked") {
    private_pages memory(1);
    auto& none = gup::detail::mapping_marks<forbidding_kernel>::current();
    CHECK_FALSE(none.mark(pages_of(memory.all())));
    std::string maps;
    REQUIRE(gup::system_kernel::read_text("/proc/self/maps", maps) == 0);
    CHECK_FALSE(none.marked(maps, pages_of(memory.all())));
    none.unmark(pages_of(memory.all()));
}
