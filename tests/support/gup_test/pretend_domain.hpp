// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A domain that pins nothing and counts what it is asked, for tests of what stands above domains.

#include "gup/pin_domain.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace gup_test {

/// What all copies of a pretend_domain have seen.
struct pretend_log {
    std::atomic<int> pins{0};
    std::atomic<int> releases{0};
    bool refuse = false;                          ///< the next pin fails with ENOMEM
    std::atomic<bool> leak_on_release{false};     ///< the next release is refused by the pretended kernel
    std::unique_ptr<gup::pinned_memory> leaked{}; ///< the memory of that release
    std::span<const std::byte> pinned{};          ///< the last range
};

template <class Kernel = gup::system_kernel>
class pretend_domain {
public:
    using kernel = Kernel;

    class registration {
    public:
        registration() = default;
        registration(std::shared_ptr<pretend_log> log, std::size_t bytes)
            : log_(std::move(log)), bytes_(bytes) {}
        registration(registration&& other) noexcept
            : log_(std::move(other.log_)), bytes_(std::exchange(other.bytes_, 0)) {}
        registration& operator=(registration&& other) noexcept {
            release(nullptr);
            log_ = std::move(other.log_);
            bytes_ = std::exchange(other.bytes_, 0);
            return *this;
        }
        ~registration() { release(nullptr); }

        void release(std::unique_ptr<gup::pinned_memory> memory) noexcept {
            bytes_ = 0;
            if (log_ == nullptr) return;
            ++log_->releases;
            if (log_->leak_on_release.exchange(false)) {
                gup::report_release_failure({"pretended release", {}, {}});
                log_->leaked = std::move(memory);
            }
            log_ = nullptr;
        }
        std::size_t bytes() const noexcept { return bytes_; }

    private:
        std::shared_ptr<pretend_log> log_;
        std::size_t bytes_ = 0;
    };

    std::optional<registration> try_pin(std::span<const std::byte> range, gup::dma_access,
                                        gup::pin_failure& failure) {
        if (log->refuse) {
            failure = {.code = std::make_error_code(std::errc::not_enough_memory),
                       .call = "pretended pin",
                       .range = range,
                       .remedy = "allow it"};
            return std::nullopt;
        }
        ++log->pins;
        log->pinned = range;
        return registration(log, range.size());
    }
    registration pin(std::span<const std::byte> range, gup::dma_access access) {
        gup::pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        throw gup::pin_error(std::move(failure));
    }

    /// True if both are handles to the same log.
    friend bool operator==(const pretend_domain&, const pretend_domain&) noexcept = default;

    std::shared_ptr<pretend_log> log = std::make_shared<pretend_log>();
};

static_assert(gup::pin_domain<pretend_domain<>>);

} // namespace gup_test
