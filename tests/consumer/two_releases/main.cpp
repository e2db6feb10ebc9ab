// SPDX-License-Identifier: BSL-1.0
// Has two shared objects in one process that were built with different releases of gup: linked to both, or,
// with their files as arguments, opened in that order. Prints what is not as it is with one of them.
#include "release.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <thread>

namespace {

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

void exercise(const release& any) {
    if (const char* const wrong = any.exercise()) check(false, wrong);
}

/// The kernel drops no page that is locked.
bool is_locked(void* page) { return ::madvise(page, 4096, MADV_DONTNEED) != 0; }

void pin_by_both(const release& one, const release& other) {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* const first = one.pin(page, 4096);
    void* const second = other.pin(page, 4096);
    one.let_go(first);
    check(is_locked(page), "a page that both pin stays locked when one lets go");
    other.let_go(second);
    check(!is_locked(page), "it is unlocked when the second does");
}

#ifdef OPENED_AT_RUN_TIME
const release& open(const char* file) {
    void* const handle = ::dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    check(handle != nullptr, "the shared objects can be opened");
    void* const entry =
        ::dlsym(handle, std::strstr(file, "first") != nullptr ? "first_release" : "second_release");
    return *reinterpret_cast<decltype(&first_release)>(entry)();
}
#endif

} // namespace

int main([[maybe_unused]] int count, [[maybe_unused]] char** arguments) {
#ifdef OPENED_AT_RUN_TIME
    const release& one = open(arguments[1]);
    const release& other = open(arguments[2]);
#else
    const release& one = *first_release();
    const release& other = *second_release();
#endif
    check(one.version != other.version, "they are two releases");
    exercise(one);
    exercise(other);
    exercise(one);
    pin_by_both(one, other);
    pin_by_both(other, one);
    std::jthread at_once([&] { exercise(one); });
    exercise(other);
}
