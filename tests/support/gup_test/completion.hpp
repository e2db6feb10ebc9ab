// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A completion of io_uring as a plain value, also one that no kernel wrote.

#include "gup/domain/io_uring_arguments.hpp"

#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <new>

namespace gup_test {

/// Copies and captures, which an io_uring_cqe with its last member of no size does not.
struct completion {
    std::uint64_t user_data;
    std::int32_t res;
    std::uint32_t flags;

    operator gup::completion_entry() const noexcept { // NOLINT: is one
        auto* const cqe = ::new (&entry) io_uring_cqe;
        cqe->user_data = user_data;
        cqe->res = res;
        cqe->flags = flags;
        return cqe;
    }

    alignas(io_uring_cqe) mutable std::byte entry[sizeof(io_uring_cqe)]{};
};

inline completion made_up(std::uint64_t user_data, std::int32_t res = 0, std::uint32_t flags = 0) {
    return {.user_data = user_data, .res = res, .flags = flags};
}

} // namespace gup_test
