// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Whether a thread waits: so a test knows that it has come to where it must.

#include <fstream>
#include <string>
#include <sys/types.h>

namespace gup_test {

/// True if this thread of the process waits in the kernel.
inline bool asleep(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(file, text);
    return text.find(") S ") != std::string::npos;
}

} // namespace gup_test
