// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A domain of a user of gup: the same class in every shared object, whichever release it is built with.

#include "gup/pin_domain.hpp"

#include <memory>
#include <optional>
#include <span>

class own_domain {
public:
    using kernel = gup::system_kernel;
    class registration {
    public:
        registration() = default;
        explicit registration(std::span<const std::byte> range) : range_(range) {}
        registration(registration&&) noexcept = default;
        registration& operator=(registration&&) noexcept = default;
        void release(std::unique_ptr<gup::pinned_memory> = nullptr) noexcept { range_ = {}; }
        std::size_t bytes() const noexcept { return range_.size(); }

    private:
        std::span<const std::byte> range_;
    };

    registration pin(std::span<const std::byte> range, gup::dma_access) { return registration(range); }
    std::optional<registration> try_pin(std::span<const std::byte> range, gup::dma_access,
                                        gup::pin_failure&) {
        return registration(range);
    }
    friend bool operator==(const own_domain&, const own_domain&) noexcept = default;
};
