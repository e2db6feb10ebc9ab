// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The operation records of one ring: who owns the pin of which operation, told by slot and generation, so
/// that a completion that comes twice, late or from elsewhere is recognised.

#include "gup/dma_access.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace gup::detail {

struct ring_binding;

/// What a completion must ask for, and what it means for the page.
struct operation_type {
    const void* domain; // identity of the reference's Domain
    dma_access access;  // of the reference
    bool device_writes;
};

/// One operation in flight. Atomic where statistics, or completions that are none of ours, look from other
/// threads.
struct alignas(32) operation {
    static constexpr unsigned generation_shift = 24; // slot and ring below, the domain's marker above
    static constexpr std::uint64_t generation_mask = std::uint64_t{0xFFFFFF} << generation_shift;

    std::atomic<std::uintptr_t> word{0}; // the reference; zero while the record is free
    std::atomic<const ring_binding*> binding{nullptr};
    const operation_type* type = nullptr;
    std::atomic<std::uint64_t> user_data{0}; // of the operation in flight, or of the next one

    /// Takes the reference out and makes every completion of this generation a stale one.
    std::uintptr_t expire() noexcept {
        const std::uintptr_t held = word.load(std::memory_order_relaxed);
        const std::uint64_t over = user_data.load(std::memory_order_relaxed);
        const std::uint64_t next = over + (std::uint64_t{1} << generation_shift);
        word.store(0, std::memory_order_relaxed);
        user_data.store((over & ~generation_mask) | (next & generation_mask), std::memory_order_relaxed);
        return held;
    }
};

static_assert(sizeof(operation) == 32);

/// The records. One thread at a time submits to a ring and one at a time reaps it, not necessarily the same,
/// as the ring itself demands: claim and unclaim belong to the first, finish to the second.
class operation_table {
public:
    /// Records of one ring at most: their places and the number of the ring share 24 bits.
    static constexpr unsigned place_bits = 20;

    /// `first_user_data` is that of the first operation in the first record: marker, generation, ring.
    operation_table(std::uint32_t size, std::uint64_t first_user_data)
        : size_(size),
          mask_(std::bit_ceil(size) - 1),
          operations_(std::make_unique<operation[]>(size)),
          free_(std::make_unique<operation*[]>(mask_ + std::size_t{1})),
          tail_(size),
          seen_tail_(size) {
        for (std::uint32_t i = 0; i < size; ++i) {
            free_[i] = &operations_[i];
            operations_[i].user_data.store(first_user_data | i, std::memory_order_relaxed);
        }
    }

    /// The operation in flight with this user_data; null if there is none.
    operation* find(std::uint64_t user_data) const noexcept {
        const std::uint64_t place = user_data & ((std::uint64_t{1} << place_bits) - 1);
        if (place >= size_) return nullptr;
        operation& o = operations_[place];
        // acquire: the submitting thread may have filled the record, and only the kernel passed it on to this
        // one
        if (o.word.load(std::memory_order_acquire) == 0) return nullptr;
        return o.user_data.load(std::memory_order_relaxed) == user_data ? &o : nullptr;
    }

    /// A free record, null if there is none.
    operation* claim() noexcept {
        if (head_ == seen_tail_) [[unlikely]] {
            seen_tail_ = tail_.load(std::memory_order_acquire);
            if (head_ == seen_tail_) return nullptr;
        }
        return free_[head_++ & mask_];
    }

    /// The submitting side gives a record back that the kernel never saw.
    std::uintptr_t unclaim(operation& o) noexcept {
        const std::uintptr_t word = o.expire();
        free_[--head_ & mask_] = &o; // where a record was claimed from: the other side cannot be there
        return word;
    }

    /// The reaping side gives a record back whose operation is over.
    std::uintptr_t finish(operation& o) noexcept {
        const std::uintptr_t word = o.expire();
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        free_[tail & mask_] = &o;
        tail_.store(tail + 1, std::memory_order_release);
        return word;
    }

    /// Operations in flight whose pages this binding covers.
    std::size_t count(const ring_binding& binding) const noexcept {
        return static_cast<std::size_t>(
            std::count_if(&operations_[0], &operations_[0] + size_, [&](const operation& o) {
                return o.word.load(std::memory_order_relaxed) != 0 &&
                       o.binding.load(std::memory_order_relaxed) == &binding;
            }));
    }

private:
    const std::uint32_t size_;
    const std::uint32_t mask_;
    const std::unique_ptr<operation[]> operations_;
    const std::unique_ptr<operation*[]> free_; // in the order of their completions

    alignas(64) std::atomic<std::uint32_t> tail_; // the reaping side's

    alignas(64) std::uint32_t seen_tail_; // the submitting side's, as head_
    std::uint32_t head_ = 0;
};

} // namespace gup::detail
