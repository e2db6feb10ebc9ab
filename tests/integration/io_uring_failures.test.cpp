// SPDX-License-Identifier: BSL-1.0
// Every system call of a domain's and a pool's life made to fail in turn, on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/failing_kernel.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/ring_scene.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace {

using gup_test::failing;
using gup_test::leak_listener;
using gup_test::pattern;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::same;
using gup_test::scratch_file;
using gup_test::slots_of;

using kernel = gup_test::failing_kernel<>;
using domain = gup::io_uring_domain<void, kernel>;
using pool_type = gup::page_pool<domain>;

/// What must be as before when everything has ended.
struct account {
    std::size_t descriptors = gup_test::open_descriptors();
    std::size_t mapped = kernel::mapped.bytes();
    std::size_t pinned = pinned_memory();

    bool operator==(const account&) const = default;
};

/// Runs `body` with the first, second, … call failing until one run makes no such call.
template <class Body>
void for_each_call(int error, failing how, Body body) {
    for (int number = 1;; ++number) {
        INFO("call " << number << " fails");
        const bool failed = body([&] { kernel::plan(number, error, how); },
                                 [&] {
                                     const bool reached = kernel::calls >= number;
                                     kernel::plan_nothing();
                                     return reached;
                                 });
        if (!failed) return;
    }
}

/// Loads what a process loads once, so that the account does not show it.
bool warm_up() {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return false;
    domain d(r.handle());
    pool_type pool(d, gup_test::small(2));
    gup::put_user_page(gup::get_user_page(pool), gup::clean);
    return true;
}

bool works(domain& d, ring& r, pool_type& pool) {
    const scratch_file file(pattern(4096));
    gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
    const auto page = gup::complete(d, r.submit_and_wait());
    return same(page.bytes(), file.content());
}

} // namespace

TEST_CASE("a domain or pool that cannot be made leaves nothing behind") {
    if (!warm_up()) return;
    std::array<ring, 2> rings;
    for (const int error : {ENOMEM, EPERM}) {
        for_each_call(error, failing::refused, [&](auto begin, auto end) {
            const account before;
            std::array handles{&rings[0].handle(), &rings[1].handle()};
            gup::pin_failure failure;
            std::optional<pool_type> pool;
            begin();
            auto d = domain::try_make(handles, {}, failure);
            if (d) pool = pool_type::try_make(*d, gup_test::small(2), failure);
            const bool failed = end();
            if (pool) CHECK(works(*d, rings[1], *pool)); // a failed clone or madvise is no reason to give up
            if (!pool) CHECK(failure.code.value() == error);
            pool.reset();
            d.reset();
            CHECK(account() == before);
            for (const ring& r : rings) CHECK(slots_of(r).empty());
            return failed;
        });
    }
}

TEST_CASE("a pool's end with a failing call leaks what it must, says so once, and harms no other pool") {
    if (!warm_up()) return;
    for_each_call(EIO, failing::refused, [&](auto begin, auto end) {
        std::array<ring, 2> rings;
        domain d(rings[0].handle(), rings[1].handle());
        pool_type other(d, gup_test::small(2));
        std::optional<pool_type> pool;
        {
            const gup_test::leak_on_purpose quarantined;
            pool.emplace(d, gup_test::small(2));
        }
        auto page = gup::get_user_page(*pool);
        const void* const address = page.bytes().data();
        gup::put_user_page(std::move(page), gup::clean);
        const leak_listener leaks;
        begin();
        pool.reset();
        const bool failed = end();
        CHECK(leaks.heard.size() <= (failed ? 1U : 0U)); // not all calls are needed to release
        CHECK((!gup_test::is_mapped(address) || leaks.heard.size() == 1));
        const bool registered = slots_of(rings[0]).size() == 2 || slots_of(rings[1]).size() == 2;
        if (registered) CHECK(gup_test::is_mapped(address));
        if (registered) CHECK(leaks.heard[0].range.data() == address);
        CHECK(works(d, rings[0], other));
        CHECK(works(d, rings[1], other));
        pool_type next(d, gup_test::small(2));
        CHECK(works(d, rings[1], next));
        if (registered) CHECK(gup_test::is_mapped(address)); // no slot of it was given away
        return failed;
    });
}

TEST_CASE("a domain whose last calls fail leaks no descriptor") {
    if (!warm_up()) return;
    for_each_call(EIO, failing::half_done, [&](auto begin, auto end) {
        const std::size_t open = gup_test::open_descriptors();
        ring r;
        std::optional<domain> d(r.handle());
        begin();
        d.reset();
        const bool failed = end();
        r.close();
        CHECK(gup_test::open_descriptors() == open);
        return failed;
    });
}

TEST_CASE("quarantined memory stays pinned when its domain and ring have gone") {
    if (!warm_up()) return;
    const account before;
    const leak_listener leaks;
    const void* address = nullptr;
    {
        ring r;
        const gup_test::leak_on_purpose quarantined;
        std::optional<domain> d(r.handle());
        std::optional<pool_type> pool(std::in_place, *d, gup_test::small(2));
        {
            const auto page = gup::get_user_page(*pool);
            address = page.bytes().data();
        }
        kernel::plan(3, EIO); // after a duplicate and a look at it
        pool.reset();
        kernel::plan_nothing();
        CHECK(slots_of(r).size() == 1);
        d.reset();
        CHECK(slots_of(r).size() == 1); // the table is not taken away under it
    }
    CHECK(leaks.heard.size() == 1);
    CHECK(gup_test::is_mapped(address));
    CHECK(gup_test::open_descriptors() == before.descriptors);
}
