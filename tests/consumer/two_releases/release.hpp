// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a shared object built with some release of gup offers a program that knows no gup: a page that both
/// can pin, and all else for itself.

#include <cstddef>

struct release {
    int version;
    /// Uses gup alone; null, or what was not so.
    const char* (*exercise)();
    void* (*pin)(const void* memory, std::size_t bytes);
    void (*let_go)(void* pinned);
};

extern "C" {
[[gnu::visibility("default")]] const release* first_release() noexcept;
[[gnu::visibility("default")]] const release* second_release() noexcept;
}
