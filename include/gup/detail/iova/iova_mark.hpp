// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The mark of memory that devices reach by I/O addresses.

#include "gup/version.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gup::inline GUP_NAMESPACE::detail {

class iova_mark {
public:
    iova_mark() = default;
    /// Of a range that is mapped at one run of I/O addresses, this the first.
    iova_mark(std::span<const std::byte> range, std::uint64_t iova) noexcept
        : bias_(iova - reinterpret_cast<std::uintptr_t>(range.data())), iova_(iova) {}

    /// I/O address of the first byte.
    std::uint64_t iova() const noexcept { return iova_; }

private:
    friend struct iova_access;
    std::uint64_t bias_ = 0; // I/O address minus CPU address, the same all over the range; wraps
    std::uint64_t iova_ = 0;
};

/// The operations' way into a mark.
struct iova_access {
    static std::uint64_t bias(const iova_mark& mark) noexcept { return mark.bias_; }
};

} // namespace gup::inline GUP_NAMESPACE::detail
