// SPDX-License-Identifier: BSL-1.0
// What a forked child can and cannot do with its parent's pools.
#include "gup/page_pool.hpp"
#include "gup/tracked.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/pools.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace gup_test;

TEST_CASE("a forked child gets no page of its parent's pool and is told why") {
    auto pool = pool_of(8);
    gup::put_user_page(gup::get_user_page(pool), gup::clean); // there is a cache to inherit

    const auto child = in_child([&] {
        if (gup::try_get_user_page(pool).has_value()) return 1;
        std::vector<writer_ref> refs(3);
        if (gup::try_get_user_pages(pool, std::span(refs))) return 2;
        const char* const why = "this pool belongs to the parent process";
        if (!contains(what_of([&] { static_cast<void>(gup::get_user_page(pool)); }), why)) return 3;
        if (!contains(what_of([&] { static_cast<void>(gup::get_user_pages(pool, 3)); }), why)) return 4;
        if (!contains(what_of([&] { static_cast<void>(gup::get_user_pages(pool, 100)); }), why)) return 5;
        if (!contains(what_of([&] { static_cast<void>(gup::get_page(pool)); }), why)) return 6;
        return 0;
    });

    CHECK(child.exited_with(0));
    CHECK(gettable(pool) == 8);
}

TEST_CASE("a forked child finds no page of its parent's pool") {
    for (const bool looked_up_before : {false, true}) {
        auto pool = pool_of(2);
        const auto ref = gup::get_user_page(pool);
        gup::set_page_dirty(ref);
        if (looked_up_before) CHECK(gup::find_get_page(pool, ref.bytes().data()).has_value());

        const auto child = in_child([&] {
            if (gup::find_get_page(pool, ref.bytes().data()).has_value()) return 1;
            const auto range = pool.dirty_pages();
            return range.begin() == range.end() ? 0 : 2;
        });

        CHECK(child.exited_with(0));
    }
}

TEST_CASE("a forked child's puts and its end of the pool release nothing") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(40));
    auto refs = gup::get_user_pages(*pool, 40);
    auto plain = gup::find_get_page(*pool, refs[0].bytes().data());
    REQUIRE(plain.has_value());

    const auto child = in_child([&] {
        gup::put_user_page(std::move(refs[0]), gup::dirty);
        refs[1] = {};
        gup::put_page(std::move(*plain));
        gup::put_user_pages(std::move(refs), gup::clean);
        pool.reset();
        return domain.log->releases.load();
    });

    CHECK(child.exited_with(0));
    CHECK(pool->stats().pinned == 40);
    gup::put_page(std::move(*plain));
    gup::put_user_pages(std::move(refs), gup::clean);
    CHECK(gettable(*pool) == 40);
    pool.reset();
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a forked child's last put of a closed pool releases nothing") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(1));
    auto ref = gup::get_user_page(*pool);
    pool.reset();

    const auto child = in_child([&] {
        gup::put_user_page(std::move(ref), gup::dirty);
        return domain.log->releases.load();
    });

    CHECK(child.exited_with(0));
    CHECK(domain.log->releases == 0);
    gup::put_user_page(std::move(ref), gup::clean);
    CHECK(domain.log->releases == 1);
}

TEST_CASE("a forked child's end of a pool that has all its pages releases nothing") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(4));

    const auto child = in_child([&] {
        pool.reset();
        return domain.log->releases.load();
    });

    CHECK(child.exited_with(0));
    CHECK(gettable(*pool) == 4);
}

TEST_CASE("a forked child makes pools of its own") {
    auto inherited = pool_of(8);
    auto held = gup::get_user_page(inherited);

    const auto child = in_child([&] {
        pretended domain;
        {
            pretended_pool own(domain, small(8));
            if (gettable(own) != 8) return 1;
            gup::put_user_page(std::move(held), gup::clean);
            auto ref = gup::get_user_page(own);
            if (!gup::find_get_page(own, ref.bytes().data()).has_value()) return 2;
            if (gup::try_get_user_page(inherited).has_value()) return 3;
            gup::put_user_page(std::move(ref), gup::clean);
            if (own.stats().free != 8) return 4;
        }
        return domain.log->releases == 1 ? 0 : 5;
    });

    CHECK(child.exited_with(0));
    gup::put_user_page(std::move(held), gup::clean);
    CHECK(gettable(inherited) == 8);
}

TEST_CASE("a grandchild is as little the owner of a pool as a child") {
    auto pool = pool_of(2);
    const auto ref = gup::get_user_page(pool);

    const auto child = in_child([&] {
        auto own = pool_of(2);
        const auto grandchild = in_child([&] {
            return gup::try_get_user_page(pool).has_value() || gup::try_get_user_page(own).has_value();
        });
        return grandchild.exited_with(0) && gettable(own) == 2 ? 0 : 1;
    });

    CHECK(child.exited_with(0));
}

TEST_CASE("a child forked while other threads are at work neither hangs nor releases") {
    pretended domain;
    std::optional<pretended_pool> pool(std::in_place, domain, small(24));
    auto other = pool_of(24);
    auto mine = gup::get_user_page(*pool);
    std::atomic<bool> stop{false};
    std::thread busy([&] { // in turn, so that it is always in or at a lock
        while (!stop) {
            auto one = gup::try_get_user_page(*pool);
            auto two = gup::try_get_user_page(other);
        }
    });
    int wrong = 0;
    for (int i = 0; i < 40; ++i) {
        const auto child = in_child([&] {
            if (gup::try_get_user_page(*pool).has_value()) return 1;
            gup::put_user_page(std::move(mine), gup::dirty);
            pool.reset();
            return domain.log->releases.load();
        });
        if (!child.exited_with(0)) ++wrong;
    }
    stop = true;
    busy.join();

    CHECK(wrong == 0);
    gup::put_user_page(std::move(mine), gup::clean);
    CHECK(gettable(*pool) == 24);
}

TEST_CASE("a child finds the pool's memory, or nothing, as the pool was asked") {
    for (const bool tracked : {false, true})
        for (const auto policy :
             {gup::fork_policy::automatic, gup::fork_policy::copy, gup::fork_policy::leave_out}) {
            auto options = small(2);
            if (tracked) options.memory = gup::memory_kind::memfd;
            options.fork = policy;
            const auto read = [](const std::byte* from) { // a system call, which does not fault
                std::array<int, 2> ends{};
                if (::pipe(ends.data()) != 0) return -1;
                return static_cast<int>(::write(ends[1], from, 1));
            };
            const auto look = [&](const std::byte* seen, const std::byte* pool_memory) {
                const auto child = in_child([&] {
                    const bool there = read(seen) == 1 && read(pool_memory) == 1;
                    return there ? 1 : read(seen) == -1 && read(pool_memory) == -1 ? 2 : 3;
                });
                CHECK(child.exited_with(policy == gup::fork_policy::leave_out ? 2 : 1));
            };
            if (tracked) {
                gup::page_pool pool(gup::tracked{pretended{}}, options);
                const auto page = gup::get_user_page(pool);
                look(page.bytes().data(), gup::outstanding_references(pool)[0].page.data());
            } else {
                pretended_pool pool(pretended{}, options);
                const auto page = gup::get_user_page(pool);
                look(page.bytes().data(), page.bytes().data());
            }
        }
}

TEST_CASE("a child's end of a pool that it did not inherit unmaps nothing") {
    for (const bool tracked : {false, true}) {
        auto options = small(2);
        if (tracked) options.memory = gup::memory_kind::memfd;
        options.fork = gup::fork_policy::leave_out;
        std::optional<pretended_pool> plain;
        std::optional<gup::page_pool<gup::tracked<pretended>>> watched;
        std::byte* at = nullptr;
        if (tracked) {
            auto page = gup::get_user_page(watched.emplace(gup::tracked{pretended{}}, options));
            at = page.bytes().data();
        } else {
            auto page = gup::get_user_page(plain.emplace(pretended{}, options));
            at = page.bytes().data();
        }
        const auto child = in_child([&] {
            void* const own = ::mmap(at, 4096, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            if (own != at) return 1;
            plain.reset();
            watched.reset();
            *static_cast<std::byte*>(own) = std::byte{1};
            return 0;
        });
        CHECK(child.exited_with(0));
    }
}

TEST_CASE("a kernel that cannot keep memory from children is asked no further") {
    struct without : gup::system_kernel {
        static int madvise(void* address, std::size_t bytes, int advice) noexcept {
            return advice == MADV_DONTFORK ? -EINVAL : system_kernel::madvise(address, bytes, advice);
        }
    };
    gup::pin_failure failure;
    auto options = small(2);
    using domain = pretend_domain<without>;
    CHECK(gup::page_pool<domain>::try_make(domain{}, options, failure).has_value());
    options.fork = gup::fork_policy::leave_out;
    CHECK_FALSE(gup::page_pool<domain>::try_make(domain{}, options, failure).has_value());
    CHECK(std::string(failure.call) == "madvise(MADV_DONTFORK)");
    CHECK_FALSE(failure.remedy.empty());
}
