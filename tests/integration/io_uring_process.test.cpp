// SPDX-License-Identifier: BSL-1.0
// Forked children, ordinary users and containers, on the real kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/ring_scene.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

using gup_test::child_result;
using gup_test::contains;
using gup_test::in_child;
using gup_test::pattern;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;
using gup_test::slots_of;

using domain = gup::io_uring_domain<>;
using pool_type = gup::page_pool<domain>;

/// Becomes an ordinary user, who may lock this much.
bool become_ordinary(rlim_t may_lock) {
    constexpr unsigned nobody = 65534;
    const rlimit limit{may_lock, may_lock};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    return ::geteuid() != 0 ||
           (::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0);
}

/// From now on the kernel answers this call with the errno, as the filter of a container does.
bool refuse_system_call(long number, int error) {
    const std::array<sock_filter, 4> program{
        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1),
         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(error)),
         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
    const sock_fprog filter{program.size(), const_cast<sock_filter*>(program.data())};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

TEST_CASE("a forked child that destroys everything releases nothing of its parent's") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    std::optional page(gup::get_user_page(*s.p));
    const auto slots = slots_of(s.r);
    const std::size_t pinned = pinned_memory();

    const child_result child = in_child([&] {
        page.reset();
        s.p.reset();
        s.d.reset();
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
    CHECK(slots_of(s.r) == slots);
    CHECK(pinned_memory() == pinned);
    gup::prep_read_fixed(s.r.entry(), file.fd(), std::move(*page), 0);
    *page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(page->bytes(), file.content()));
}

TEST_CASE("a registration that a forked child destroys stays its parent's, and so does the table") {
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    const gup_test::real_memory memory(2);
    std::optional<domain> d(r.handle());
    std::optional pinned(d->pin(memory.all(), gup::dma_access::read_write));
    const auto slots = slots_of(r);

    const child_result released = in_child([&] {
        pinned.reset();
        return 0;
    });
    CHECK(released.exited_with(0));
    CHECK(slots_of(r) == slots);
    pinned.reset();
    const child_result ended = in_child([&] {
        d.reset();
        return 0;
    });
    CHECK(ended.exited_with(0));
    CHECK_NOTHROW(d->pin(memory.all(), gup::dma_access::read_write));
}

TEST_CASE("a forked child cannot pin into its parent's table") {
    ring_scene s;
    if (!s.ok()) return;
    const auto slots = slots_of(s.r);
    const child_result child = in_child([&] {
        gup::pin_failure failure;
        const bool refused = !pool_type::try_make(*s.d, gup_test::small(1), failure);
        std::fputs(failure.remedy.c_str(), stderr);
        return refused && failure.code.value() == EPERM ? 0 : 1;
    });
    CHECK(child.exited_with(0));
    CHECK(child.said_that("make a ring and a domain of your own"));
    CHECK(slots_of(s.r) == slots);
}

TEST_CASE("a child forked with a release deferred leaves it to its parent") {
    ring r(IORING_SETUP_SINGLE_ISSUER);
    if (!gup_test::have(r.ok(), r.why_not())) return;
    domain d(r.handle());
    auto pool = std::make_unique<pool_type>(d, gup_test::small(1));
    std::thread([&] { pool.reset(); }).join();
    const child_result child = in_child([&] {
        static_cast<void>(gup::try_complete(d, gup_test::made_up(0)));
        return 0;
    });
    CHECK(child.exited_with(0));
    CHECK(slots_of(r).size() == 1);
    static_cast<void>(gup::try_complete(d, gup_test::made_up(0)));
    CHECK(slots_of(r).empty());
}

TEST_CASE("a forked child is refused by every verb, and what the parent has prepared is not touched") {
    ring_scene s;
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    io_uring_sqe& with_record = s.r.entry();
    gup::prep_read_fixed(with_record, file.fd(), gup::get_user_page(*s.p), 0);
    io_uring_sqe& with_token = s.r.entry();
    auto token = gup::prep_read_fixed(with_token, file.fd(), gup::get_user_page(*s.p), 0, {.user_data = 7});
    auto page = gup::get_user_page(*s.p);
    const auto prepared = std::to_array({with_record, with_token});

    const child_result child = in_child([&] {
        int allowed = 0;
        std::string said;
        const auto refused = [&](auto verb) {
            try {
                verb();
                ++allowed;
            } catch (const gup::pin_error& error) {
                allowed += error.code().value() != EPERM;
                said = error.what();
            }
        };
        const auto own_entry = [&] { return ::io_uring_get_sqe(&s.r.handle()); }; // the parent's, too
        refused([&] { gup::prep_read_fixed(own_entry(), file.fd(), std::move(page), 0); });
        refused([&] {
            gup::prep_write_fixed(own_entry(), file.fd(), std::move(page), 0, {.part = {.length = 0}});
        });
        refused([&] {
            static_cast<void>(
                gup::prep_write_fixed(own_entry(), file.fd(), std::move(page), 0, {.user_data = 8}));
        });
        refused([&] { gup::prep_send_zc_fixed(own_entry(), file.fd(), std::move(page), 0); });
        refused([&] { gup::submit(*s.d, s.r.handle()); });
        refused([&] { gup::submit_and_wait(*s.d, s.r.handle(), 1); });
        refused([&] { static_cast<void>(gup::complete(*s.d, gup_test::made_up(with_record.user_data))); });
        refused([&] { static_cast<void>(gup::take_back(*s.d, with_record)); });
        refused([&] { static_cast<void>(gup::take_back(std::move(token), with_token)); });
        std::error_code error;
        gup::prep_read_fixed(own_entry(), file.fd(), std::move(page), 0, {}, error);
        allowed += error.value() != EPERM;
        gup::submit(*s.d, s.r.handle(), error);
        allowed += error.value() != EPERM;
        allowed += gup::try_take_back(*s.d, with_record).has_value();
        allowed += gup::try_complete(*s.d, gup_test::made_up(with_record.user_data)).has_value();
        allowed += !page || !token;
        std::fputs(said.c_str(), stderr);
        return allowed;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
    CHECK(child.said_that("make a ring and a domain of your own"));
    CHECK(std::memcmp(prepared.data(), &with_record, sizeof with_record) == 0);
    CHECK(std::memcmp(prepared.data() + 1, &with_token, sizeof with_token) == 0);
    CHECK(s.r.handle().sq.sqes[2].user_data == 0); // what the child took for its own

    REQUIRE(gup::submit(*s.d, s.r.handle()) == 2);
    const auto first = s.r.wait();
    const auto second = s.r.wait();
    const bool token_first = first.user_data == 7;
    const auto by_token = gup::complete(std::move(token), token_first ? first : second);
    const auto by_record = gup::complete(*s.d, token_first ? second : first);
    CHECK(same(by_token.bytes(), file.content()));
    CHECK(same(by_record.bytes(), file.content()));
}

TEST_CASE("a filter that refuses io_uring_register leaves plain I/O, and the pool says why") {
    const ring probe;
    if (!gup_test::have(probe.ok(), probe.why_not())) return;
    const scratch_file file(pattern(4096));
    for (const int error : {EPERM, ENOSYS, EACCES}) {
        const child_result child = in_child([&] {
            if (!refuse_system_call(SYS_io_uring_register, error)) return 2;
            ring r;
            if (!r.ok()) return 3;
            domain d(r.handle());
            gup::pin_failure failure;
            if (pool_type::try_make(d, gup_test::small(1), failure) || failure.code.value() != error)
                return 4;
            auto options = gup_test::small(1);
            options.fallback = gup::pin_fallback::unpinned;
            pool_type pool(d, options);
            if (pool.registered() || pool.why_not_registered()->code.value() != error) return 5;
            std::fputs(pool.why_not_registered()->message().c_str(), stderr);
            gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
            const auto page = gup::complete(d, r.submit_and_wait());
            return same(page.bytes(), file.content()) ? 0 : 6;
        });
        INFO(child.said);
        CHECK(child.exited_with(0));
        CHECK(child.said_that("io_uring_register"));
        CHECK(child.said_that("allow it"));
    }
}

TEST_CASE("an ordinary user learns which budget is too small, and how to raise it") {
    const ring probe;
    if (!gup_test::have(probe.ok(), probe.why_not())) return;
    constexpr rlim_t may_lock = 512 * 1024;
    const child_result child = in_child([&] {
        if (!become_ordinary(may_lock)) return 2;
        ring r(0, 8); // charged to the same budget, as the user that makes it
        if (!r.ok()) return 3;
        domain d(r.handle());
        if (!pool_type(d, gup_test::small(4)).registered()) return 4;
        gup::pin_failure failure;
        if (pool_type::try_make(d, gup_test::small(256), failure)) return 5;
        std::fputs(failure.message().c_str(), stderr);
        const bool told = failure.budget == gup::pin_budget::user_locked_vm && failure.need == 256 * 4096 &&
                          failure.limit == may_lock && failure.code.value() == ENOMEM;
        if (!slots_of(r).empty()) return 6;
        return told ? 0 : 7;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
    CHECK(child.said_that("locked memory of this user"));
    CHECK(child.said_that("needs 1048576"));
    CHECK(child.said_that("limit 524288"));
    CHECK(child.said_that("memlock"));
}

TEST_CASE("an ordinary user can go on unpinned") {
    const ring probe;
    if (!gup_test::have(probe.ok(), probe.why_not())) return;
    const scratch_file file(pattern(4096));
    const child_result child = in_child([&] {
        if (!become_ordinary(128 * 1024)) return 2;
        ring r(0, 8);
        if (!r.ok()) return 3;
        domain d(r.handle());
        auto options = gup_test::small(256);
        options.fallback = gup::pin_fallback::unpinned;
        pool_type pool(d, options);
        if (pool.registered()) return 4;
        if (pool.why_not_registered()->budget != gup::pin_budget::user_locked_vm) return 5;
        gup::prep_read_fixed(r.entry(), file.fd(), gup::get_user_page(pool), 0);
        const auto page = gup::complete(d, r.submit_and_wait());
        return same(page.bytes(), file.content()) ? 0 : 6;
    });
    CHECK(child.exited_with(0));
}

TEST_CASE("a pool whose handle is gone takes its last page from a completion, and ends then") {
    ring_scene s(1);
    if (!s.ok()) return;
    const scratch_file file(pattern(8192));
    const std::size_t with_pool = pinned_memory();
    gup::prep_read_fixed(s.r.entry(), file.fd(), gup::get_user_page(*s.p), 0);
    s.p.reset();
    CHECK(pinned_memory() == with_pool);
    auto page = gup::complete(*s.d, s.r.submit_and_wait());
    CHECK(same(page.bytes(), file.content()));
    gup::put_user_page(std::move(page), gup::clean);
    CHECK(gup_test::eventually([&] { return pinned_memory() == with_pool - 8192; }));
}
