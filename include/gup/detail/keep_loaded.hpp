// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `keep_loaded`: a page needs functions of the shared object that made its pool, at its last put at the
/// latest. They must be there, even if dlclose(3) was called meanwhile.

#include "gup/detail/uncancelled.hpp"
#include "gup/version.hpp"

#include <atomic>
#include <dlfcn.h>
#include <link.h>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

// Of each shared object its own, whatever else it shares.
[[gnu::visibility("hidden")]] inline constinit std::atomic<bool> stays_loaded{false};

/// Where something is made that others hold and that leads to functions: from now on the shared object that
/// this is compiled into stays until the program ends, as one that was linked with -z nodelete. Thread-safe.
/// Takes the lock of the dynamic loader, once.
[[gnu::visibility("hidden")]] inline void keep_loaded() noexcept {
// In code of shared objects only: what a program is made of stays, and if it is linked statically its linker
// would warn of dlopen. Other C libraries than glibc unload nothing.
#if defined(__GLIBC__) && defined(__PIC__) && !defined(__PIE__)
    if (stays_loaded.load(std::memory_order_relaxed)) return;
    const uncancelled calls;
    Dl_info here{};
    void* found = nullptr;
    if (::dladdr1(&stays_loaded, &here, &found, RTLD_DL_LINKMAP) == 0) return;
    const char* const name = static_cast<const link_map*>(found)->l_name;
    // the program has no name; and not dli_fname, which may be the name of another file by now
    if (*name != '\0' && ::dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) == nullptr) return;
    stays_loaded.store(true, std::memory_order_relaxed);
#endif
}

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::keep_loaded;
} // namespace gup::inline GUP_NAMESPACE::detail
