// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Runs a piece of a test in a forked child: for what must terminate the program, and for what fork changes.

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace gup_test {

/// How a child ended and what it wrote on stderr.
struct child_result {
    int status = 0;
    std::string said{};

    bool terminated() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }
    bool exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    bool said_that(std::string_view part) const { return said.find(part) != said.npos; }
};

/// Runs `body` in a child of this process; what it returns is the exit code. No destructor of the caller runs
/// in the child, and a child that hangs is killed.
template <class Body>
child_result in_child(Body body) {
    constexpr unsigned seconds_until_it_hangs = 30;
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) std::abort();
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) std::abort();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::signal(SIGABRT, SIG_DFL); // not the report of the test framework
        ::alarm(seconds_until_it_hangs);
        ::_exit(body());
    }
    ::close(ends[1]);
    child_result result;
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        result.said.append(buffer.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    ::waitpid(child, &result.status, 0);
    return result;
}

} // namespace gup_test
