// SPDX-License-Identifier: BSL-1.0
#include "library.hpp"

#include "gup/caller_memory.hpp"

#include <sys/mman.h>
#include <utility>

namespace {

void fail_a_release() {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const auto pinned = gup::mlock_domain().pin({static_cast<const std::byte*>(page), 4096});
    ::munmap(page, 4096); // misuse: munlock of what is gone fails
}

void throw_pin_error() { static_cast<void>(gup::mlock_domain().pin({})); }

void close_a_pool_with_a_page_out() {
    gup::page_pool pool{gup::tracked{gup::mlock_domain()}, {.pages = 1}};
    auto page = gup::get_page(pool);
    { const auto closed = std::move(pool); }
}

local_pool make_a_local_pool() { return local_pool(gup::local(gup::mlock_domain()), {.pages = 1}); }

gup::typed_pointer point_to(int& number) { return gup::typed_pointer(&number); }

reader pin(std::span<std::byte> memory) {
    gup::mlock_domain domain;
    return gup::get_user_pages<gup::dma_access::read_write>(domain, memory);
}

void write(io_uring_sqe& sqe, int file, ring_page&& page) {
    gup::prep_write_fixed(sqe, file, std::move(page), 0, {.part = {.offset = 0, .length = 6}});
}

} // namespace

const library* the_library() noexcept {
    static constexpr library mine{
        &fail_a_release, &throw_pin_error, &close_a_pool_with_a_page_out, &make_a_local_pool, &point_to, &pin,
        &write};
    return &mine;
}
