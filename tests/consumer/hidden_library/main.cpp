// SPDX-License-Identifier: BSL-1.0
// What a program and a library that hides its symbols must have in common. With an argument the library is
// opened at run time. Prints what they do not have in common.
#include "library.hpp"

#include "gup/caller_memory.hpp"
#include "gup/page_flags.hpp"

#include <cstdio>
#include <dlfcn.h>
#include <exception>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace {

int wrong = 0;
void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    wrong = 1;
}

const library& get_library([[maybe_unused]] const char* file) {
#ifdef OPENED_AT_RUN_TIME
    void* const handle = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        std::fprintf(stderr, "%s\n", ::dlerror());
        std::exit(1);
    }
    return *reinterpret_cast<decltype(&the_library)>(::dlsym(handle, "the_library"))();
#else
    return *the_library();
#endif
}

/// The library prepares what the program completes.
void use_a_ring(const library& other) {
    io_uring ring;
    int ends[2];
    if (io_uring_queue_init(4, &ring, 0) != 0 || ::pipe(ends) != 0) return; // not allowed here
    gup::io_uring_domain domain{ring};
    gup::page_pool pool{domain, {.pages = 1, .fallback = gup::pin_fallback::unpinned}};
    other.write(*io_uring_get_sqe(&ring), ends[1], gup::get_user_page(pool));
    gup::submit(domain, ring);
    io_uring_cqe* cqe = nullptr;
    check(io_uring_wait_cqe(&ring, &cqe) == 0, "an operation completes");
    auto page = gup::try_complete(domain, cqe);
    check(page.has_value(), "the program completes an operation that the library prepared");
    if (page) gup::put_user_page(*std::move(page), gup::clean);
}

int failures = 0;
int outstanding = 0;

} // namespace

int main(int, char** arguments) {
    const library& other = get_library(arguments[1]);

    gup::on_release_failure([](const gup::release_failure&) noexcept { ++failures; });
    other.fail_a_release();
    check(failures == 1, "the program's hook hears of the library's failed release");

    gup::on_outstanding_reference([](const gup::outstanding_reference&) noexcept { ++outstanding; });
    other.close_a_pool_with_a_page_out();
    check(outstanding == 1,
          "the program's hook hears of the page that is out when the library closes its pool");

    try {
        other.throw_pin_error();
    } catch (const gup::pin_error& error) {
        check(error.failure().code == std::errc::invalid_argument, "a pin_error carries its failure");
    } catch (const std::exception&) {
        check(false, "a pin_error of the library is caught as one");
    }

    int number = 0;
    check(other.point_to(number).get<int>() == &number, "a pointer to an int is one on both sides");

    void* const memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const std::span<std::byte> range(static_cast<std::byte*>(memory), 4096);
    gup::mlock_domain domain;
    auto mine = gup::get_user_pages<gup::dma_access::read_write>(domain, range);
    auto theirs = other.pin(range);
    check(&gup::page_descriptor(mine) == &gup::page_descriptor(theirs),
          "the caller's memory is one page on both sides");
    gup::put_user_page(std::move(theirs), gup::dirty);
    check(gup::page_dirty(mine), "what the library wrote is dirty to the program");
    gup::put_user_page(std::move(mine), gup::clean);

    use_a_ring(other);

    auto pool = other.make_a_local_pool();
    auto page = gup::get_user_page(pool); // ends the program if it takes this for another thread
    gup::put_user_page(std::move(page), gup::clean);
    return wrong;
}
