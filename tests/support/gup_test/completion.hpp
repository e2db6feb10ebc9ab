// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A completion of io_uring as a plain value, also one that no kernel wrote.

#include <cstdint>
#include <liburing.h>

namespace gup_test {

/// Copies and captures, which an io_uring_cqe with its last member of no size does not.
struct completion {
    std::uint64_t user_data;
    std::int32_t res;
    std::uint32_t flags;

    operator io_uring_cqe() const { // NOLINT: is one
        io_uring_cqe cqe;           // NOLINT: its last member has no size
        cqe.user_data = user_data;
        cqe.res = res;
        cqe.flags = flags;
        return cqe;
    }
};

inline completion made_up(std::uint64_t user_data, std::int32_t res = 0, std::uint32_t flags = 0) {
    return {user_data, res, flags};
}

} // namespace gup_test
