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
#include <vector>

namespace gup::detail {

struct ring_binding;

/// One operation in flight. Atomic where statistics look from other threads.
struct alignas(32) operation {
    std::atomic<std::uintptr_t> word{0}; // the reference; zero while the record is free
    std::atomic<const ring_binding*> binding{nullptr};
    const void* domain_type = nullptr; // the reference's Domain, which a completion must name
    std::uint32_t generation = 0;
    dma_access access = dma_access::read;
    bool device_writes = false;
};

static_assert(sizeof(operation) == 32);

/// The records. One thread at a time submits to a ring and one at a time reaps it, not necessarily the same,
/// as the ring itself demands: claim and unclaim belong to the first, finish to the second.
class operation_table {
public:
    static constexpr std::uint32_t generations = std::uint32_t{1} << 24;

    operation_table(std::uint32_t size, std::uint32_t first_generation)
        : size_(size),
          mask_(std::bit_ceil(size) - 1),
          operations_(std::make_unique<operation[]>(size)),
          given_back_(std::make_unique<std::uint32_t[]>(mask_ + std::size_t{1})),
          tail_(size),
          seen_tail_(size) {
        unclaimed_.reserve(size);
        for (std::uint32_t i = 0; i < size; ++i) {
            given_back_[i] = i;
            operations_[i].generation = first_generation % generations;
        }
    }

    std::uint32_t size() const noexcept { return size_; }
    std::uint32_t slot_of(const operation& o) const noexcept {
        return static_cast<std::uint32_t>(&o - operations_.get());
    }
    operation& operator[](std::uint32_t slot) const noexcept { return operations_[slot]; }

    /// A free record, null if there is none.
    operation* claim() noexcept {
        if (!unclaimed_.empty()) {
            operation& o = operations_[unclaimed_.back()];
            unclaimed_.pop_back();
            return &o;
        }
        if (head_ == seen_tail_) {
            seen_tail_ = tail_.load(std::memory_order_acquire);
            if (head_ == seen_tail_) return nullptr;
        }
        return &operations_[given_back_[head_++ & mask_]];
    }

    /// The submitting side gives a record back that the kernel never saw.
    std::uintptr_t unclaim(operation& o) noexcept {
        unclaimed_.push_back(slot_of(o)); // reserved
        return expire(o);
    }

    /// The reaping side gives a record back whose operation is over.
    std::uintptr_t finish(operation& o) noexcept {
        const std::uintptr_t word = expire(o);
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        given_back_[tail & mask_] = slot_of(o);
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
    /// Takes the reference out and makes every completion of this generation a stale one.
    static std::uintptr_t expire(operation& o) noexcept {
        const std::uintptr_t word = o.word.load(std::memory_order_relaxed);
        o.word.store(0, std::memory_order_relaxed);
        o.generation = (o.generation + 1) % generations;
        return word;
    }

    const std::uint32_t size_;
    const std::uint32_t mask_;
    const std::unique_ptr<operation[]> operations_;
    const std::unique_ptr<std::uint32_t[]> given_back_; // free slots in the order of their completions

    alignas(64) std::atomic<std::uint32_t> tail_; // the reaping side's

    alignas(64) std::uint32_t seen_tail_; // the submitting side's, as all below
    std::uint32_t head_ = 0;
    std::vector<std::uint32_t> unclaimed_;
};

} // namespace gup::detail
