// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A domain that is not gup's: the fixed buffers of a ring that the program drives with liburing alone. It
/// names nothing but what gup's headers document.

#include <gup/device_operations.hpp>
#include <gup/pin_place.hpp>

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace program {

class buffers_place {
public:
    /// What an operation must know of a pin: the buffer's number.
    class mark {
    public:
        mark() = default;

    private:
        friend buffers_place;
        template <class Page>
        friend auto read_into(io_uring_sqe& sqe, int fd, Page&& page, std::uint64_t number);
        explicit mark(unsigned slot) noexcept : slot_(slot) {}
        unsigned slot_ = ~0U;
    };

    using kernel = gup::system_kernel;
    static constexpr const char* call = "buffers_domain::pin";
    static constexpr const char* in_child = "make a ring and a domain of the child's own";
    /// The program starts the operations, and hears when one is over.
    static constexpr bool driven_by_program = true;

    explicit buffers_place(io_uring& ring) : ring_(&ring) {
        if (const int result = io_uring_register_buffers_sparse(ring_, slots); result < 0)
            throw std::system_error(-result, std::generic_category(), "io_uring_register_buffers_sparse");
    }

    std::optional<mark> try_pin(std::span<const std::byte> range, gup::dma_access,
                                gup::pin_failure& failure) {
        const std::lock_guard lock(lock_);
        for (unsigned slot = 0; slot < slots; ++slot) {
            if (taken_[slot]) continue;
            const int error = set(slot, {const_cast<std::byte*>(range.data()), range.size()});
            if (error != 0) {
                failure.code = {error, std::generic_category()};
                failure.remedy = "look at `ulimit -l`";
                return std::nullopt;
            }
            taken_[slot] = true;
            return mark(slot);
        }
        failure.code = {ENOSPC, std::generic_category()};
        failure.remedy = "all buffers are in use: put some pages, or make fewer pools";
        return std::nullopt;
    }

    void unpin(const mark& made, std::span<const std::byte> range,
               std::unique_ptr<gup::pinned_memory> memory) noexcept {
        const std::lock_guard lock(lock_);
        if (const int error = set(made.slot_, {}); error != 0) {
            static_cast<void>(memory.release()); // the ring may reach it still
            gup::report_release_failure(
                {"io_uring_register_buffers_update_tag", {error, std::generic_category()}, range});
            return;
        }
        taken_[made.slot_] = false;
    }

private:
    static constexpr unsigned slots = 8;

    int set(unsigned slot, iovec buffer) noexcept {
        const int result = io_uring_register_buffers_update_tag(ring_, slot, &buffer, nullptr, 1);
        return result == 1 ? 0 : result < 0 ? -result : EIO;
    }

    io_uring* ring_;
    std::mutex lock_;
    std::array<bool, slots> taken_{};
};

/// The ring must outlive the domain, its pools and their pages.
class buffers_domain : public gup::place_domain<buffers_place> {
public:
    /// A page without a buffer of its own cannot be read into.
    static constexpr bool usable_unpinned = false;

    explicit buffers_domain(io_uring& ring) : place_domain(std::in_place, ring) {}
};

static_assert(gup::pin_domain<buffers_domain>);

/// Reads into the whole page; `number` comes back with the completion, and completes the token.
template <class Page>
auto read_into(io_uring_sqe& sqe, int fd, Page&& page, std::uint64_t number) {
    const std::span<const std::byte> memory = gup::pinned_bytes(page);
    const unsigned slot = gup::mark_of<buffers_place::mark>(page).slot_;
    auto token = gup::start_dma_from_device<buffers_domain>(std::forward<Page>(page), number);
    io_uring_prep_read_fixed(&sqe, fd, const_cast<std::byte*>(memory.data()),
                             static_cast<unsigned>(memory.size()), 0, static_cast<int>(slot));
    io_uring_sqe_set_data64(&sqe, number);
    return token;
}

} // namespace program
