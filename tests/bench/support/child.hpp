// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Runs a program to its end and tells what it took, its children and kernel threads of its own included.

#include "support/pair.hpp"

#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace gup_bench {

inline double seconds_of(const timeval& time) noexcept {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Seconds of the wall clock and of a processor.
struct run_cost {
    double wall;
    double user;
    double system;
    double cpu() const noexcept { return user + system; }
};

/// What a program took; empty if it could not be started or failed. Found through PATH; its standard output
/// is dropped.
inline std::optional<run_cost> cost_of(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    int refused = 0, status = -1;
    rusage use{};
    const double wall = seconds([&] {
        refused = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
        if (refused == 0 && ::wait4(child, &status, 0, &use) != child) status = -1;
    });
    posix_spawn_file_actions_destroy(&actions);
    if (refused != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
    return run_cost{wall, seconds_of(use.ru_utime), seconds_of(use.ru_stime)};
}

} // namespace gup_bench
