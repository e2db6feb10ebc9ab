// SPDX-License-Identifier: BSL-1.0
// What closing a ring means while gup holds memory registered in it: the same as without gup, on the real
// kernel.
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/leak_on_purpose.hpp"
#include "gup_test/ledger_kernel.hpp"
#include "gup_test/ring_scene.hpp"
#include "gup_test/sockets.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

using gup_test::contains;
using gup_test::descriptor;
using gup_test::eventually;
using gup_test::is_mapped;
using gup_test::leak_listener;
using gup_test::open_descriptors;
using gup_test::pinned_memory;
using gup_test::ring;
using gup_test::ring_scene;
using gup_test::slots_of;
using slots = std::map<unsigned, std::size_t>;

using domain = gup::io_uring_domain<>;
using pool_type = gup::page_pool<domain>;

/// True if what is sent to a socket is there for its next reader, and not taken by an operation before him.
bool reaches_next_reader(const gup_test::socket_pair& sockets) {
    std::array<char, 8> got{};
    return eventually([&] { // the kernel cancels after it has closed
        return ::send(sockets.from.fd(), "late", 4, 0) == 4 &&
               ::recv(sockets.to.fd(), got.data(), got.size(), MSG_DONTWAIT) >= 4;
    });
}

/// Threads of the kernel that poll for rings of this process.
std::size_t polling_threads() {
    std::size_t sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        sum += name.rfind("iou-sqp", 0) == 0;
    }
    return sum;
}

/// A read from a socket in flight.
struct pending_read {
    explicit pending_read(unsigned flags = 0) : s(2, flags) {
        if (!s.ok()) return;
        auto page = gup::get_user_page(*s.p);
        address = page.bytes().data();
        gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), std::move(page), 0);
        REQUIRE(gup::submit(*s.d, s.r.handle()) == 1);
    }

    const gup_test::pins_before pins{};
    const std::size_t descriptors = open_descriptors();
    const leak_listener leaks{};
    const gup_test::socket_pair sockets = gup_test::local_pair();
    ring_scene s;
    const std::byte* address = nullptr;
};

} // namespace

TEST_CASE("closing a ring cancels the read that a page waits for, and nothing of it is left") {
    for (const unsigned flags : {0U, unsigned{IORING_SETUP_SQPOLL}}) {
        pending_read read(flags);
        if (!read.s.ok()) return;
        read.s.r.close();
        CHECK(reaches_next_reader(read.sockets));
        CHECK(read.s.p->stats().in_flight == 1); // it could be completed still
        CHECK(is_mapped(read.address));
        read.s.p.reset();
        read.s.d.reset();
        CHECK_FALSE(is_mapped(read.address));
        CHECK(read.pins.gone());
        CHECK(open_descriptors() == read.descriptors + 2);
        CHECK(read.leaks.heard.empty());
    }
}

TEST_CASE("a pending read is cancelled by the ring's end that comes after that of domain and pool, too") {
    const gup_test::leak_on_purpose the_pool_lives_on;
    pending_read read;
    if (!read.s.ok()) return;
    read.s.d.reset();
    read.s.p.reset();
    REQUIRE(read.leaks.heard.size() == 1);
    CHECK(read.leaks.heard[0].range.data() == read.address);
    read.s.r.close();
    CHECK(reaches_next_reader(read.sockets));
    CHECK(is_mapped(read.address));
    CHECK(read.pins.gone());
    CHECK(open_descriptors() == read.descriptors + 2);
}

TEST_CASE("the peer of a socket sees its end when the ring with the pending read is closed") {
    pending_read read;
    if (!read.s.ok()) return;
    ::close(::dup(read.sockets.to.fd())); // the program's own descriptors do not count ...
    REQUIRE(::dup2(STDERR_FILENO, read.sockets.to.fd()) == read.sockets.to.fd()); // ... and this was the last
    read.s.r.close();
    std::byte got{};
    CHECK(eventually([&] { return ::recv(read.sockets.from.fd(), &got, 1, MSG_DONTWAIT) == 0; }));
}

TEST_CASE("operations of the program's own end with their ring, though a pool lives on") {
    const gup_test::pins_before before;
    ring_scene s;
    if (!s.ok()) return;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(::bind(listening.fd(), generic, length) == 0);
    REQUIRE(::listen(listening.fd(), 16) == 0);
    REQUIRE(::getsockname(listening.fd(), generic, &length) == 0);
    io_uring_sqe& entry = s.r.entry();
    io_uring_prep_multishot_accept(&entry, listening.fd(), nullptr, nullptr, 0);
    entry.user_data = 1;
    REQUIRE(s.r.submit() == 1);
    s.r.close();
    SECTION("with the domain") {}
    SECTION("without it") { s.d.reset(); }

    CHECK(eventually([&] {
        const descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(client.fd(), generic, length) == 0);
        const descriptor accepted(::accept(listening.fd(), nullptr, nullptr));
        return accepted.fd() >= 0;
    }));
}

TEST_CASE("the kernel's polling thread ends with its ring, though a pool lives on") {
    const gup_test::pins_before before;
    const std::size_t threads = polling_threads();
    ring_scene s(2, IORING_SETUP_SQPOLL);
    if (!s.ok()) return;
    CHECK(eventually([&] { return polling_threads() == threads + 1; }));
    s.r.close();
    CHECK(eventually([&] { return polling_threads() == threads; }));
}

TEST_CASE("what a closed ring had pinned is free at once, and the pool's pages stay what they were") {
    const gup_test::pins_before before;
    ring_scene s;
    if (!s.ok()) return;
    auto page = s.filled(gup_test::pattern(64));
    s.r.close();
    CHECK(before.gone());
    CHECK(gup_test::same(page.bytes().first(64), gup_test::pattern(64)));
    gup::pin_failure failure;
    CHECK_FALSE(pool_type::try_make(*s.d, gup_test::small(1), failure));
    CHECK(failure.code.value() == EBADF);
    CHECK(contains(failure.remedy, "the ring was closed"));
}

TEST_CASE("of two rings one may be closed, and the other goes on") {
    std::array<ring, 2> rings;
    if (!gup_test::have(rings[0].ok(), rings[0].why_not())) return;
    for (const bool first_closes : {true, false}) {
        const gup_test::pins_before before_both;
        ring one;
        ring two;
        ring& closed = first_closes ? one : two;
        ring& open = first_closes ? two : one;
        domain d(one.handle(), two.handle());
        std::optional<pool_type> before(std::in_place, d, gup_test::small(2));
        closed.close();
        const ring another; // most probably with the number
        pool_type after(d, gup_test::small(4));
        CHECK(slots_of(open) == slots{{0, 2 * 4096}, {1, 4 * 4096}});
        CHECK(slots_of(another).empty());

        const gup_test::scratch_file file(gup_test::pattern(4096));
        for (pool_type* pool : {&*before, &after}) {
            gup::prep_read_fixed(open.entry(), file.fd(), gup::get_user_page(*pool), 0);
            const auto page = gup::complete(d, open.submit_and_wait());
            CHECK(gup_test::same(page.bytes(), file.content()));
        }
        before.reset();
        CHECK(slots_of(open) == slots{{1, 4 * 4096}});
        CHECK(before_both.gone(4 * 4096));
    }
}

TEST_CASE("a token of a closed ring that is dropped says what it keeps") {
    const gup_test::pins_before before;
    const gup_test::leak_on_purpose the_pool_lives_on;
    const gup_test::socket_pair sockets = gup_test::local_pair();
    const leak_listener leaks;
    ring_scene s;
    if (!s.ok()) return;
    auto page = gup::get_user_page(*s.p);
    const std::byte* const address = page.bytes().data();
    {
        const auto token =
            gup::prep_read_fixed(s.r.entry(), sockets.to.fd(), std::move(page), 0, {.user_data = 1});
        REQUIRE(gup::submit(*s.d, s.r.handle()) == 1);
        s.r.close();
        s.p.reset();
        s.d.reset();
        CHECK(leaks.heard.empty());
    }
    REQUIRE(leaks.heard.size() == 1);
    CHECK(leaks.heard[0].range.data() == address);
    CHECK(reaches_next_reader(sockets));
}

TEST_CASE("a release that waits for the ring's thread is over when that has closed the ring") {
    const gup_test::pins_before before;
    std::optional<ring> r;
    std::optional<domain> d;
    std::optional<pool_type> pool;
    const std::byte* address = nullptr;
    std::thread([&] {
        r.emplace(IORING_SETUP_SINGLE_ISSUER);
        if (!r->ok()) return;
        d.emplace(r->handle());
        pool.emplace(*d, gup_test::small(2));
        const auto page = gup::get_user_page(*pool);
        page.bytes()[0] = std::byte{0x5A};
        address = page.bytes().data();
    }).join();
    if (!gup_test::have(r->ok(), r->why_not())) return;
    // and not what is mapped there next, by the sanitizer's allocator for one
    const auto is_there = [&] {
        std::byte first{};
        const iovec to{&first, 1};
        const iovec from{const_cast<std::byte*>(address), 1};
        return ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == 1 && first == std::byte{0x5A};
    };
    pool.reset();
    CHECK(is_there());
    r->close();
    CHECK(before.gone());
    SECTION("with the next pin") {
        gup::pin_failure failure;
        CHECK_FALSE(pool_type::try_make(*d, gup_test::small(1), failure));
    }
    SECTION("with the end of the domain") { d.reset(); }
    CHECK_FALSE(is_there());
}

TEST_CASE("memory is released where no descriptor is left") {
    ring_scene s;
    if (!s.ok()) return;
    const leak_listener leaks;
    rlimit was{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &was) == 0);
    const rlimit none{0, was.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    s.p.reset();
    const bool made = pool_type(*s.d, gup_test::small(1)).registered();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &was) == 0);
    CHECK(made);
    CHECK(leaks.heard.empty());
    CHECK(slots_of(s.r).empty());
}

TEST_CASE("a ring that cannot be told from others is kept open until its last pool has gone") {
    const gup_test::pins_before before;
    const std::size_t descriptors = open_descriptors();
    ring r;
    if (!gup_test::have(r.ok(), r.why_not())) return;
    r.handle().features &= ~unsigned{IORING_FEAT_CQE_SKIP}; // as before Linux 5.17
    std::optional<domain> d(r.handle());
    std::optional<pool_type> pool(std::in_place, *d, gup_test::small(2));
    r.close();
    CHECK(open_descriptors() == descriptors + 1);
    CHECK(pinned_memory() == before.bytes + 2 * 4096);
    CHECK_NOTHROW(pool_type(*d, gup_test::small(1)));
    d.reset();
    pool.reset();
    CHECK(open_descriptors() == descriptors);
    CHECK(before.gone());
}
