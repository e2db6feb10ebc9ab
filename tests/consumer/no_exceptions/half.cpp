// SPDX-License-Identifier: BSL-1.0
#include "half.hpp"

#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>
#include <gup/vfio.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace {

constexpr gup::pool_options small{.pages = 2, .fallback = gup::pin_fallback::unpinned};

std::span<std::byte> map_pages(std::size_t pages) {
    void* const memory =
        ::mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return {static_cast<std::byte*>(memory), pages * 4096};
}

/// A ring and a pipe, where the machine allows rings.
struct ring_and_pipe {
    io_uring ring{};
    std::array<int, 2> ends{};
    const bool made = ::io_uring_queue_init(4, &ring, 0) == 0 && ::pipe(ends.data()) == 0;

    ring_and_pipe() = default;
    ring_and_pipe(const ring_and_pipe&) = delete;
    ~ring_and_pipe() {
        if (!made) return;
        ::io_uring_queue_exit(&ring);
        for (const int end : ends) ::close(end);
    }
};

template <class Domain>
const char* use_a_pool(Domain domain) {
    gup::pin_failure failure;
    if (gup::page_pool<Domain>::try_make(domain, {.pages = 0}, failure)) return "a pool has pages";
    if (failure.code != std::errc::invalid_argument) return "a pool that cannot be made says why";
    auto pool = gup::page_pool<Domain>::try_make(domain, small, failure);
    if (!pool) return "a pool can be made";
    auto one = gup::try_get_user_page(*pool);
    auto other = gup::try_get_user_page(*pool);
    if (!one || !other) return "the pages of a pool can be got";
    if (gup::try_get_user_page(*pool)) return "a pool that is exhausted gives nothing";
    gup::put_user_page(*std::move(other), gup::clean);

    gup::address_space<Domain> space{*pool};
    space.insert(7, *one);
    if (!gup::find_get_page(space, 7) || gup::find_get_page(space, 8)) return "a page is found by its name";
    if (!space.remove(7)) return "a name is taken away";
    gup::put_user_page(*std::move(one), gup::dirty);
    return pool->stats().free == pool->pages() ? nullptr : "all pages come back to their pool";
}

const char* use_callers_memory() {
    gup::mlock_domain domain;
    gup::pin_failure failure;
    const auto memory = map_pages(1);
    if (gup::try_get_user_pages(domain, memory.subspan(1), failure) || failure.message().empty())
        return "memory that is no whole pages is refused with words";
    auto page = gup::try_get_user_pages(domain, memory, failure);
    if (!page) return "the caller's memory can be pinned";
    gup::put_user_page(*std::move(page), gup::dirty);
    return nullptr;
}

const char* use_a_ring() {
    ring_and_pipe scene;
    if (!scene.made) return nullptr;
    std::array<io_uring*, 1> rings{&scene.ring};
    gup::pin_failure failure;
    auto domain = gup::io_uring_domain<>::try_make(rings, {}, failure);
    if (!domain) return "a domain can be made";
    gup::page_pool pool{*domain, small};
    auto page = gup::try_get_user_page(pool);
    std::memcpy(page->bytes().data(), "pinned", 6);

    std::error_code error;
    gup::prep_write_fixed(nullptr, scene.ends[1], *std::move(page), 0, gup::record_options{}, error);
    if (error.value() != EAGAIN) return "a missing entry is refused";
    gup::prep_write_fixed(io_uring_get_sqe(&scene.ring), scene.ends[1], *std::move(page), 0,
                          gup::record_options{.part = {.offset = 0, .length = 6}}, error);
    if (error) return "a write can be prepared";
    if (gup::submit_and_wait(*domain, scene.ring, 1, error) != 1 || error) return "a write can be submitted";
    io_uring_cqe* cqe = nullptr;
    if (io_uring_peek_cqe(&scene.ring, &cqe) != 0 || cqe->res != 6) return "a page is written";
    auto done = gup::try_complete(*domain, cqe);
    if (!done) return "its completion brings it back";
    if (gup::try_complete(*domain, cqe)) return "it does so once";
    io_uring_cqe_seen(&scene.ring, cqe);
    gup::put_user_page(*std::move(done), gup::clean);
    return nullptr;
}

const char* use_twins() {
    for (const auto part :
         {+[] { return use_a_pool(gup::mlock_domain()); },
          +[] { return use_a_pool(gup::local(gup::mlock_domain())); },
          +[] { return use_a_pool(gup::tracked(gup::mlock_domain())); }, &use_callers_memory, &use_a_ring})
        if (const char* const wrong = part()) return wrong;
    return nullptr;
}

/// A machine without VFIO.
struct bare_kernel : gup::system_kernel {
    static int open(const char*) noexcept { return -ENOENT; }
};

void prepare_without_entry(const ring_and_pipe& scene, gup::page_pool<gup::io_uring_domain<>>& pool) {
    gup::prep_read_fixed(nullptr, scene.ends[0], gup::get_user_page(pool), 0);
}
void complete_nothing(const ring_and_pipe&, gup::page_pool<gup::io_uring_domain<>>& pool) {
    auto domain = pool.domain();
    static_cast<void>(gup::complete(domain, nullptr));
}
template <auto Fail>
void on_a_ring() {
    ring_and_pipe scene;
    if (!scene.made) return;
    gup::io_uring_domain domain{scene.ring};
    gup::page_pool pool{domain, small};
    Fail(scene, pool);
}

void (*const forms[])() = {
    [] { gup::page_pool(gup::mlock_domain(), {.pages = 0}); },
    [] {
        gup::page_pool pool{gup::mlock_domain(), small};
        const auto one = gup::get_user_page(pool);
        const auto other = gup::get_user_page(pool);
        static_cast<void>(gup::get_user_page(pool));
    },
    [] {
        gup::page_pool pool{gup::mlock_domain(), small};
        static_cast<void>(gup::get_user_pages(pool, 3));
    },
    [] { static_cast<void>(gup::mlock_domain().pin({})); },
    [] {
        gup::mlock_domain domain;
        static_cast<void>(gup::get_user_pages(domain, map_pages(1).subspan(1)));
    },
    [] {
        gup::page_pool pool{gup::mlock_domain(), small};
        gup::address_space space{pool};
        const auto page = gup::get_user_page(pool);
        space.insert(7, page);
        space.insert(7, page);
    },
    [] { gup::basic_vfio_container<bare_kernel>(); },
    &on_a_ring<&prepare_without_entry>,
    &on_a_ring<&complete_nothing>,
};

#ifdef __cpp_exceptions
std::string fail(std::size_t number) {
    try {
        forms[number]();
    } catch (const gup::pin_error& error) {
        return error.what();
    }
    return {};
}
#else
std::string fail(std::size_t number) {
    forms[number]();
    return {};
}
#endif

struct stuck_kernel : gup::system_kernel {
    static int munlock(const void*, std::size_t) noexcept { return -ENOMEM; }
};
void fail_to_release() { gup::basic_mlock_domain<stuck_kernel>().pin(map_pages(1)).release(); }

using registration = gup::mlock_domain::registration;
void* pin(void* page) {
    return new registration(gup::mlock_domain().pin({static_cast<const std::byte*>(page), 4096}));
}
void let_go(void* pinned) { delete static_cast<registration*>(pinned); }

constexpr half mine{&use_twins, &fail, std::size(forms), &fail_to_release, &pin, &let_go};

} // namespace

#ifdef __cpp_exceptions
const half with_exceptions = mine;
#else
const half without_exceptions = mine;
#endif
