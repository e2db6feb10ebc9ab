// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A shared library with gup's types in its interface, built with -fvisibility=hidden.

#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/local.hpp"
#include "gup/page_pool.hpp"
#include "gup/tracked.hpp"
#include "gup/typed_pointer.hpp"

#include <span>

using local_pool = gup::page_pool<gup::local<gup::mlock_domain>>;
using reader = gup::user_page_ref<gup::mlock_domain>;
using ring_page = gup::user_page_ref<gup::io_uring_domain<>>;

/// What the library does; by a table, as for a program that opens it with dlopen.
struct library {
    void (*fail_a_release)();
    void (*throw_pin_error)();
    void (*close_a_pool_with_a_page_out)();
    local_pool (*make_a_local_pool)();
    gup::typed_pointer (*point_to)(int&);
    reader (*pin)(std::span<std::byte>);
    void (*write)(io_uring_sqe&, int file, ring_page&&);
};
extern "C" [[gnu::visibility("default")]] const library* the_library() noexcept;
