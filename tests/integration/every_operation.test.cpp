// SPDX-License-Identifier: BSL-1.0
// Every public operation, on the real kernel: with each of its allocations failing in turn, and on a thread
// that has been cancelled, which no operation may be the place to notice.
#include "gup/gup.hpp"
#include "gup/io_uring_write_back.hpp"

#include "gup_test/cancelled_thread.hpp"
#include "gup_test/child.hpp"
#include "gup_test/failing_allocations.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/ring_scene.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using gup_test::mapping;
using gup_test::memory_file;
using gup_test::private_pages;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::scratch_file;
using gup_test::small;

namespace {

const auto nothing = [] {};

/// Calls `operation` and looks away from how gup refuses what is wrong on purpose.
template <class Operation>
void refused(Operation operation) {
    try {
        static_cast<void>(operation());
    } catch (const gup::pin_error&) {
    }
}

// Each of these calls `visit(name, operation, check)`; what an operation makes it takes apart again, and
// `check` looks at what it has used.

template <class Visit>
void pool_operations(Visit visit) {
    using domain = gup::mlock_domain;
    using tracked = gup::tracked<domain>;
    using local = gup::local<domain>;
    const auto make = [](gup::pool_options options) {
        return [options] { refused([&] { gup::page_pool pool(domain(), options); }); };
    };
    visit("a small pool", make({.pages = 4}), nothing);
    visit("a pool in a memfd", make({.pages = 4, .memory = gup::memory_kind::memfd}), nothing);
    visit("a pool of huge pages", make({.pages = 1024}), nothing);
    visit("a pool that is none", make({.page_size = 5, .pages = 4}), nothing);
    visit("a pool of pages that nobody has",
          make({.page_size = 2 << 20, .pages = 1000000, .memory = gup::memory_kind::hugetlb}), nothing);
    visit(
        "a tracked pool",
        [] {
            gup::page_pool pool{tracked(), {.pages = 8}};
            auto page = gup::get_user_page(pool);
            static_cast<void>(gup::outstanding_references(pool));
            gup::put_user_page(std::move(page), gup::clean);
        },
        nothing);
    visit(
        "a pool of one thread",
        [] {
            gup::page_pool pool{local(), {.pages = 8}};
            auto pages = gup::get_user_pages(pool, 3);
            gup::put_user_pages(std::move(pages), gup::dirty);
        },
        nothing);

    gup::page_pool pool{domain(), {.pages = 1024}};
    const auto whole = [&] { CHECK(pool.stats().free == 1024); };
    visit(
        "stats", [&] { static_cast<void>(pool.stats()); }, whole);
    visit(
        "pages of a pool",
        [&] {
            auto page = gup::get_user_page(pool);
            auto found = gup::find_get_page(pool, page.bytes().data());
            gup::put_user_page(std::move(page), gup::dirty);
            for (const auto& dirty : pool.dirty_pages()) static_cast<void>(dirty);
            auto some = gup::get_user_pages(pool, 100);
            gup::put_user_pages(std::move(some), gup::clean);
            gup::with_user_pages(pool, 3, [](auto) { return gup::clean; });
        },
        whole);
    visit(
        "more pages than there are", [&] { refused([&] { return gup::get_user_pages(pool, 1025); }); },
        whole);
}

template <class Visit>
void mlock_operations(Visit visit) {
    const private_pages memory(256);
    const gup::mlock_domain populated{};
    const gup::mlock_domain on_fault{{.mode = gup::mlock_mode::on_fault}};
    const auto pin = [&](gup::mlock_domain from, std::size_t first, std::size_t pages) {
        return from.pin(memory.range(first, pages));
    };
    const auto unlocked = [] { CHECK(gup_test::locked_memory() == 0); };
    visit(
        "pins in each other",
        [&] {
            const auto outer = pin(populated, 0, 256);
            const auto inner = pin(populated, 2, 1);
            const auto across = pin(populated, 1, 200);
        },
        unlocked);
    visit(
        "pins beside each other",
        [&] {
            const auto first = pin(populated, 2, 1);
            const auto second = pin(on_fault, 0, 256);
            const auto third = pin(populated, 9, 100);
        },
        unlocked);
    visit(
        "a pin of nothing",
        [] {
            gup::pin_failure failure;
            gup::mlock_domain domain;
            static_cast<void>(domain.try_pin({reinterpret_cast<const std::byte*>(4096), 1 << 20},
                                             gup::dma_access::read, failure));
            static_cast<void>(domain.try_pin({}, gup::dma_access::read, failure));
        },
        unlocked);
    visit(
        "the budget", [] { static_cast<void>(gup::memlock_budget::read()); }, nothing);
}

template <class Visit>
void ring_operations(ring_scene& s, Visit visit) {
    using domain = ring_scene::domain;
    const auto whole = [&] {
        const auto stats = s.p->stats();
        CHECK(stats.free == stats.pages);
        CHECK(stats.in_flight == 0);
    };
    ring first, second;
    REQUIRE((first.ok() && second.ok()));
    visit(
        "a domain",
        [&] {
            domain both{first.handle(), second.handle()};
        },
        nothing);
    visit(
        "a domain that is none", [&] { refused([&] { domain({}, {}); }); }, nothing);
    visit(
        "a domain of a table that is not there",
        [&] { refused([&] { domain(first.handle(), {.first_slot = 3}); }); }, nothing);
    visit(
        "a pool of several rings",
        [&] {
            gup::page_pool pool{domain{first.handle(), second.handle()}, small(4)};
        },
        nothing);
    visit(
        "a pool of two domains",
        [&] {
            gup::page_pool pool{gup::domains(*s.d, gup::mlock_domain()), small(4)};
            const auto page = gup::get_user_page(pool);
        },
        whole);

    const scratch_file file;
    const auto get = [&] { return gup::get_user_page(*s.p); };
    visit(
        "a read",
        [&] {
            gup::prep_read_fixed(s.r.entry(), file.fd(), get(), 0);
            gup::submit_and_wait(*s.d, s.r.handle(), 1);
            io_uring_cqe* cqe = nullptr;
            io_uring_wait_cqe(&s.r.handle(), &cqe);
            auto page = gup::complete(*s.d, cqe);
            io_uring_cqe_seen(&s.r.handle(), cqe);
            gup::put_user_page(std::move(page), gup::dirty);
        },
        whole);
    visit(
        "a write with a token, taken back",
        [&] {
            io_uring_sqe& entry = s.r.entry();
            auto token = gup::prep_write_fixed(entry, file.fd(), get(), 0, {.user_data = 7});
            auto page = gup::take_back(std::move(token), entry);
            gup::put_user_page(std::move(page), gup::clean);
            s.r.silent();
        },
        whole);
    visit(
        "what is refused",
        [&] {
            refused([&] { gup::prep_read_fixed(s.r.entry(), 0, ring_scene::ref(), 0); });
            s.r.silent();
            std::error_code error;
            gup::prep_read_fixed(nullptr, 0, get(), 0, {}, error);
            static const io_uring_cqe stale{};
            refused([&] { return gup::complete(*s.d, &stale); });
            refused([&] { return gup::get_user_pages(*s.p, 100); });
        },
        whole);
    while (s.r.handle().cq.ring_entries != 0 && io_uring_cq_ready(&s.r.handle()) > 0) s.r.wait();

    gup::address_space<domain> names(*s.p);
    visit(
        "a write-back",
        [&] {
            for (std::uint64_t i = 0; i < 3; ++i) {
                const auto page = gup::get_page(*s.p);
                names.insert(i, page);
                gup::set_page_dirty(page);
            }
            names.share(1, names, 9);
            gup::write_back(names, *s.d, s.r.handle(), file.fd());
            refused([&] { gup::write_back(names, *s.d, s.r.handle(), -1); });
        },
        [&] {
            for (const std::uint64_t index : {0u, 1u, 2u, 9u}) names.remove(index);
            whole();
        });
}

template <class Visit>
void caller_memory_operations(ring_scene& s, Visit visit) {
    const private_pages memory(8);
    const memory_file file(2);
    const mapping one(file.fd(), 0, 2);
    const mapping other(file.fd(), 0, 2);
    const auto unpinned = [&] { CHECK_FALSE(gup::find_get_page(*s.d, memory.page(0)).has_value()); };
    const auto get = [&](std::span<std::byte> range) { return gup::get_user_pages(*s.d, range); };
    visit(
        "memory of the caller's", [&] { const auto page = get(memory.range(0, 2)); }, unpinned);
    visit(
        "memory that overlaps",
        [&] {
            const auto page = get(memory.range(0, 2));
            refused([&] { return get(memory.range(1, 2)); });
        },
        unpinned);
    visit(
        "two mappings of a file",
        [&] {
            const auto page = get(one.all());
            const auto same = get(other.all());
        },
        unpinned);
    visit(
        "memory of a provider's",
        [&] {
            const gup::memory_provider provider{.keep_alive = std::make_shared<int>(1)};
            static_cast<void>(
                gup::get_user_pages<gup::dma_access::read_write>(*s.d, memory.range(0, 2), provider));
        },
        unpinned);
    visit(
        "no memory", [&] { refused([&] {
                               return get({reinterpret_cast<std::byte*>(4096), 4096});
                           }); },
        unpinned);
}

/// Gives each index a proxy of a page.
class source : public gup::proxy_owner<source, gup::mlock_domain> {
public:
    explicit source(const gup::page_ref<gup::mlock_domain>& page) : page_(gup::get_page(page)) {}
    gup::page_ref<gup::mlock_domain> make(std::uint64_t index) {
        return this->make_proxy(page_, {.mapping = gup::typed_pointer(this), .index = index});
    }
    void on_idle(gup::page_proxy&) noexcept {}
    void release(gup::page_proxy&) noexcept {}

private:
    gup::page_ref<gup::mlock_domain> page_;
};

template <class Visit>
void space_operations(Visit visit) {
    using space = gup::address_space<gup::mlock_domain>;
    gup::page_pool pool{gup::mlock_domain(), small(16)};
    const auto whole = [&] { CHECK(pool.stats().free == 16); };
    visit(
        "a space, names and copies",
        [&] {
            space names(pool), others;
            auto page = gup::get_page(pool);
            for (std::uint64_t i = 0; i < 200; ++i) names.insert(i, page);
            names.share(1, others, 2);
            gup::put_page(std::move(page));
            const auto found = gup::find_get_page(names, 1);
            auto pinned = gup::find_get_user_page(names, 1);
            if (pinned) gup::put_user_page(*std::move(pinned), gup::dirty);
            const auto fast = gup::get_user_page_fast(names, 1);
            static_cast<void>(names.dirty_pages());
            refused([&] { names.insert(1, *found); });
            refused([&] { names.share(999, others, 1); });
            refused([&] { return gup::find_get_user_page(others, 2); });
            names = space(pool);
        },
        whole);
    visit(
        "a source of proxies",
        [&] {
            auto page = gup::get_page(pool);
            auto proxies = gup::make_source<source>(page);
            space names(pool);
            names.insert(3, page);
            const auto found = gup::find_get_page(names, 3, *proxies);
            refused([&] { return gup::find_get_page(names, 3, *proxies); });
            const auto pinned = gup::find_get_user_page<gup::dma_access::read>(names, 3);
        },
        whole);
}

/// All of them; those of a ring if this machine has one.
template <class Visit>
void every_operation(Visit visit) {
    pool_operations(visit);
    mlock_operations(visit);
    space_operations(visit);
    ring_scene s(8);
    if (!s.ok()) return;
    ring_operations(s, visit);
    caller_memory_operations(s, visit);
}

} // namespace

TEST_CASE("an operation without memory throws, and leaves nothing behind") {
    every_operation([](const char* name, auto operation, auto check) {
        gup_test::fail_every_allocation(name, operation, check);
    });
}

TEST_CASE("a cancelled thread does every operation to its end") {
    const auto child = gup_test::in_child([] {
        int cancelled = 0;
        every_operation([&](const char* name, auto operation, auto) {
            std::fprintf(stderr, "%s\n", name);
            cancelled += !gup_test::outlives_cancellation(operation);
        });
        return cancelled;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
}
