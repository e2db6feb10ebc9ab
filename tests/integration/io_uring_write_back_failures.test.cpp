// SPDX-License-Identifier: BSL-1.0
// Write-back to files that take less than a page at once, and by a ring that fails for good.
#include "gup/io_uring_write_back.hpp"

#include "gup_test/child.hpp"
#include "gup_test/ring_scene.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using gup_test::descriptor;
using gup_test::pattern;
using gup_test::ring_scene;
using gup_test::same;
using gup_test::scratch_file;

namespace {

constexpr std::size_t page_bytes = ring_scene::page_bytes;
using space = gup::address_space<ring_scene::domain>;

/// A space with dirty pages from 0 on, each with the pattern of its index.
struct dirty_scene : ring_scene {
    explicit dirty_scene(unsigned pages) {
        if (!ok()) return;
        names.emplace(*p);
        for (unsigned i = 0; i < pages; ++i) {
            const auto page = gup::get_page(*p);
            std::memcpy(page.bytes().data(), pattern(page_bytes, i).data(), page_bytes);
            names->insert(i, page);
            gup::set_page_dirty(page);
        }
    }
    gup::write_back_result write_back(int fd) { return gup::write_back(*names, *d, r.handle(), fd); }
    std::optional<space> names{};
};

/// A pipe that takes no more than this many bytes before it is read.
class small_pipe {
public:
    explicit small_pipe(int bytes) : small_pipe(make()) {
        full_at_once = ::fcntl(in.fd(), F_SETPIPE_SZ, bytes) == bytes;
    }
    descriptor out, in;
    bool full_at_once = false;

private:
    explicit small_pipe(const std::array<int, 2>& ends) : out(ends[0]), in(ends[1]) {}
    static std::array<int, 2> make() {
        std::array<int, 2> ends{-1, -1};
        static_cast<void>(::pipe2(ends.data(), O_CLOEXEC));
        return ends;
    }
};
std::vector<std::byte> read_from(int fd, std::size_t bytes) {
    std::vector<std::byte> content(bytes);
    std::size_t at = 0;
    for (ssize_t got = 0; at < bytes && (got = ::read(fd, &content[at], bytes - at)) > 0;)
        at += static_cast<std::size_t>(got);
    content.resize(at);
    return content;
}

/// From now on this thread can submit to rings, but not only wait for them: EPERM. False if the kernel has no
/// such filters.
bool refuse_to_wait() {
    std::array<sock_filter, 6> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])), // entries to submit
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// False if the kernel writes to pipes on threads of its own, later than it is asked to (Linux 6.1).
bool pipes_are_written_at_once() {
    const small_pipe pipe(page_bytes);
    char byte = 0;
    const iovec part{.iov_base = &byte, .iov_len = 1};
    return ::pwritev2(pipe.in.fd(), &part, 1, -1, RWF_NOWAIT) == 1;
}

int leaked = 0;

} // namespace

TEST_CASE("a page that a file takes in parts is written whole") {
    dirty_scene s(1);
    if (!s.ok()) return;
    small_pipe pipe(page_bytes / 2);
    REQUIRE(pipe.full_at_once);
    std::vector<std::byte> content;
    {
        const std::jthread reader([&] { content = read_from(pipe.out.fd(), page_bytes); });
        const descriptor in = std::move(pipe.in); // closed before the reader is waited for
        CHECK(s.write_back(in.fd()).written == 1);
    }
    CHECK(same(content, pattern(page_bytes, 0)));
    CHECK(s.names->dirty_pages().empty());
    CHECK(s.p->stats().pinned == 0);
}

TEST_CASE("what a file has not taken of a page belongs behind what it has") {
    dirty_scene s(1);
    if (!s.ok()) return;
    const scratch_file file;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 100, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);

    const auto failure = gup_test::failure_of([&] { s.write_back(file.fd()); });

    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, handler);
    CHECK(failure.code == std::errc::file_too_large); // at 100: the first 100 bytes could be written again
    CHECK(s.names->dirty_pages() == std::vector<std::uint64_t>{0});
}

TEST_CASE("a file that takes nothing and gives no reason is full") {
    CHECK(gup::detail::fault_of_write(0) == std::errc::no_space_on_device);
    CHECK(gup::detail::fault_of_write(-EIO) == std::errc::io_error);
    CHECK_FALSE(gup::detail::fault_of_write(1));
}

TEST_CASE("a ring that cannot be waited for ends a write-back, and what the kernel has stays pinned") {
    if (const gup_test::ring r; !gup_test::have(r.ok(), r.why_not())) return;
    if (!gup_test::have_optional(pipes_are_written_at_once(), "this kernel has no RWF_NOWAIT for pipes"))
        return;
    const auto child = gup_test::in_child([] {
        dirty_scene s(2);
        small_pipe pipe(page_bytes);
        if (!s.ok() || !pipe.full_at_once || !refuse_to_wait()) return 1;
        gup::on_release_failure([](const gup::release_failure&) noexcept { ++leaked; });

        const auto failure = gup_test::failure_of([&] { s.write_back(pipe.in.fd()); });

        if (failure.code != std::errc::operation_not_permitted) return 2;
        if (s.names->dirty_pages() != std::vector<std::uint64_t>{1}) return 3;
        if (leaked != 1 || s.p->stats().pinned != 1) return 4;
        s.names.reset();
        for (unsigned i = 0; i < 2; ++i) // the kernel goes on
            if (!same(read_from(pipe.out.fd(), page_bytes), pattern(page_bytes, i))) return 5;
        return 0;
    });
    INFO("status " << child.status << " " << child.said);
    CHECK(child.exited_with(0));
}
