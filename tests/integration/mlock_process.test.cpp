// SPDX-License-Identifier: BSL-1.0
// mlock_domain and what is per process or per user: budgets, fork, shared objects.
#include "gup/domain/mlock.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/real_memory.hpp"
#include "gup_test/skip.hpp"

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <dlfcn.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace {

using gup::mlock_domain;
using gup_test::in_child;
using gup_test::locked_memory;
using gup_test::real_memory;

const std::size_t page = gup_test::page_bytes();

#if defined(__has_feature)
constexpr bool thread_sanitizer = __has_feature(thread_sanitizer);
#elif defined(__SANITIZE_THREAD__)
constexpr bool thread_sanitizer = true;
#else
constexpr bool thread_sanitizer = false;
#endif

bool may_lock(std::size_t pages) {
    const auto room = gup::memlock_budget::read().available(gup::pin_budget::locked_vm);
    return gup_test::have(!room || *room >= pages * page, "RLIMIT_MEMLOCK is too low");
}

/// In a child: becomes a user without privileges who may lock so many bytes.
bool become_ordinary(rlim_t bytes) {
    constexpr uid_t nobody = 65534;
    const rlimit limit{bytes, bytes};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    return ::geteuid() != 0 || (::setgid(nobody) == 0 && ::setuid(nobody) == 0);
}

/// What a refused pin says on the child's stderr.
int say_refusal(std::span<const std::byte> range) {
    mlock_domain pins;
    gup::pin_failure failure;
    if (pins.try_pin(range, gup::dma_access::read, failure)) return 2;
    std::fprintf(stderr, "%d %s", failure.code.value(), failure.message().c_str());
    return 0;
}

struct watched_memory : gup::pinned_memory {
    explicit watched_memory(bool& gone) : gone_(gone) {}
    ~watched_memory() override { gone_ = true; }
    bool& gone_;
};

/// The library of pin_in_library.cpp.
class library {
public:
    explicit library(int scope) : handle_(::dlopen(GUP_TEST_LIBRARY, RTLD_NOW | scope)) {
        INFO((handle_ == nullptr ? ::dlerror() : ""));
        REQUIRE(handle_ != nullptr);
    }
    library(const library&) = delete;
    library& operator=(const library&) = delete;
    ~library() { ::dlclose(handle_); }

    void* pin(std::span<const std::byte> range) const {
        using function = void* (*)(const void*, std::size_t);
        return reinterpret_cast<function>(symbol("gup_test_library_pin"))(range.data(), range.size());
    }
    void release(void* pinned) const {
        reinterpret_cast<void (*)(void*)>(symbol("gup_test_library_release"))(pinned);
    }

private:
    void* symbol(const char* name) const {
        void* const found = ::dlsym(handle_, name);
        REQUIRE(found != nullptr);
        return found;
    }
    void* handle_;
};

} // namespace

TEST_CASE("An ordinary user over his limit learns the budget, the need, the use, the limit and the remedy") {
    const real_memory memory(64);

    const auto child = in_child([&] {
        if (!become_ordinary(64 * 1024)) return 3;
        const auto kept = mlock_domain().pin(memory.range(0, 2));
        const std::size_t used = locked_memory();
        const int result = say_refusal(memory.range(0, 32));
        return locked_memory() == used && used == 2 * page ? result : 4;
    });

    INFO(child.said);
    REQUIRE(child.exited_with(0));
    CHECK(child.said_that(std::to_string(ENOMEM)));
    CHECK(child.said_that("VmLck"));
    CHECK(child.said_that("needs " + std::to_string(30 * page)));
    CHECK(child.said_that("uses " + std::to_string(2 * page)));
    CHECK(child.said_that("limit 65536"));
    CHECK(child.said_that("memlock"));
    CHECK(child.said_that("limits.d"));
    CHECK(child.said_that("cap_ipc_lock"));
}

TEST_CASE("A limit that other locks of the process have used up is explained after the kernel's refusal") {
    const real_memory memory(64);

    const auto child = in_child([&] {
        if (!become_ordinary(64 * 1024) || gup::system_kernel::mlock(memory.page(0), 10 * page) != 0)
            return 3;
        return say_refusal(memory.range(32, 8));
    });

    INFO(child.said);
    REQUIRE(child.exited_with(0));
    CHECK(child.said_that("needs " + std::to_string(8 * page)));
    CHECK(child.said_that("uses " + std::to_string(10 * page)));
}

TEST_CASE("With a limit of zero the refusal is a lack of permission, and still a budget") {
    const real_memory memory(4);

    const auto child = in_child([&] { return become_ordinary(0) ? say_refusal(memory.all()) : 3; });

    INFO(child.said);
    REQUIRE(child.exited_with(0));
    CHECK(child.said_that(std::to_string(EPERM) + " mlock"));
    CHECK(child.said_that("limit 0"));
    CHECK(child.said_that("memlock"));
}

TEST_CASE("A forked child inherits no locks, releases nothing and can pin anew") {
    if (!may_lock(16)) return;
    const real_memory memory(16);
    auto pinned = mlock_domain().pin(memory.range(0, 8));
    const std::size_t before = locked_memory();

    const auto child = in_child([&] {
        if (locked_memory() != 0) return 1;
        auto not_nested_here = mlock_domain().pin(memory.range(1, 1));
        if (locked_memory() != page) return 5;
        not_nested_here.release();
        auto own = mlock_domain().pin(memory.range(4, 8));
        if (own.bytes() != 8 * page || locked_memory() != 8 * page) return 2;
        bool gone = false;
        pinned.release(std::make_unique<watched_memory>(gone));
        if (!gone || locked_memory() != 8 * page) return 3;
        own.release();
        return locked_memory() == 0 ? 0 : 4;
    });

    CHECK(child.exited_with(0));
    CHECK(child.said.empty());
    CHECK(locked_memory() == before);
    CHECK(memory.locked(0));
}

TEST_CASE("A child forked while another thread pins does not wait for that thread") {
    if (!gup_test::have_optional(!thread_sanitizer,
                                 "its runtime does not survive fork in a process with threads"))
        return;
    if (!may_lock(256)) return;
    const real_memory busy(128);
    const real_memory memory(128);
    const auto around = mlock_domain().pin(busy.range(0, 64));
    std::atomic<bool> stop{false};
    std::jthread pinning([&] {
        while (!stop) {
            const auto last = mlock_domain().pin(busy.all());
            const auto nested = mlock_domain().pin(busy.range(1, 1));
        }
    });

    for (int i = 0; i < 50; ++i) {
        const auto child = in_child([&] {
            const auto pinned = mlock_domain().pin(memory.all());
            return locked_memory() == 128 * page ? 0 : 1;
        });
        CHECK(child.exited_with(0));
    }
    stop = true;
}

TEST_CASE("A library opened at run time shares the counts of the program that exports its symbols") {
    if (!may_lock(16)) return;
    const real_memory memory(16);
    const std::size_t before = locked_memory();
    for (const int scope : {RTLD_LOCAL, RTLD_GLOBAL}) {
        const library other(scope);
        auto ours = mlock_domain().pin(memory.range(0, 8));
        void* const theirs = other.pin(memory.range(4, 8));
        REQUIRE(theirs != nullptr);

        ours.release();
        CHECK(memory.locked_pages() == 8);
        CHECK(memory.locked(4));
        auto again = mlock_domain().pin(memory.range(4, 2));
        other.release(theirs);
        CHECK(memory.locked_pages() == 2);
        again.release();
        CHECK(locked_memory() == before);
    }
}
