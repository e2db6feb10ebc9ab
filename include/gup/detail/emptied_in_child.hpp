// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// An object of which a forked child finds nothing but zeroes: what the hot path looks at anyway refuses
/// there, and pays nothing for it.

#include "gup/version.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <type_traits>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace gup::inline GUP_NAMESPACE::detail {

template <class Object>
using emptied_in_child = std::unique_ptr<Object, void (*)(Object*) noexcept>;

/// Makes one, in a page of its own. Where the kernel refuses that, a child finds it as it is. Throws
/// std::bad_alloc.
template <class Object, class Kernel>
emptied_in_child<Object> make_emptied_in_child() {
    static_assert(std::is_trivially_destructible_v<Object>, "a child has nothing to destroy");
    const std::intptr_t address =
        Kernel::mmap(sizeof(Object), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (address < 0) return {new Object{}, [](Object* made) noexcept { delete made; }};
    void* const page = reinterpret_cast<void*>(address);
    static_cast<void>(Kernel::madvise(page, sizeof(Object), MADV_WIPEONFORK));
    return {::new (page) Object{},
            [](Object* made) noexcept { static_cast<void>(Kernel::munmap(made, sizeof(Object))); }};
}

} // namespace gup::inline GUP_NAMESPACE::detail
