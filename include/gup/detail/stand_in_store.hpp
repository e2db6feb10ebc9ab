// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Where proxies and dynamic pages lie: chunks at multiples of 8 MiB, each with a zone header that knows what
/// becomes of one that has no references any more.

#include "gup/detail/slab.hpp"
#include "gup/detail/stand_in.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Objects of one type, a stand-in each. Their memory stays theirs until the store goes: whoever comes late
/// and looks at the counts of one that is free finds zeroes. Not thread-safe.
template <class StandIn, class Kernel>
class stand_in_store {
    static_assert(std::is_trivially_destructible_v<StandIn> && std::is_base_of_v<stand_in, StandIn>);

public:
    stand_in_store(void* owner, zone_access::release_function on_release, const void* thread) noexcept
        : owner_(owner), release_(on_release), thread_(thread) {}
    stand_in_store(const stand_in_store&) = delete;
    stand_in_store& operator=(const stand_in_store&) = delete;

    /// A free object: new, or as it was given back. Null, with `failure` filled, if there is no memory.
    /// Throws std::bad_alloc.
    StandIn* take(pin_failure& failure) {
        if (free_ != nullptr) return static_cast<StandIn*>(std::exchange(free_, free_->next));
        if (room_ == 0 && !add_chunk(failure)) return nullptr;
        --room_;
        return ::new (std::exchange(at_, at_ + sizeof(StandIn))) StandIn;
    }
    /// Takes back an object without references.
    void give_back(StandIn& over) noexcept {
        over.next = free_;
        free_ = &over;
    }
    /// Calls `look` with each object that was ever taken, free ones included.
    template <class Look>
    void for_each(Look look) const {
        for (const auto& chunk : chunks_) {
            const std::byte* const begin = chunk->memory().data() + first_at;
            const std::byte* const end =
                chunk == chunks_.back()
                    ? at_
                    : begin + (chunk->memory().size() - first_at) / sizeof(StandIn) * sizeof(StandIn);
            for (const std::byte* at = begin; at < end; at += sizeof(StandIn))
                look(*reinterpret_cast<const StandIn*>(at));
        }
    }
    /// Bytes of memory that the chunks take.
    std::size_t bytes() const noexcept {
        std::size_t sum = 0;
        for (const auto& chunk : chunks_) sum += chunk->memory().size();
        return sum;
    }

private:
    static constexpr std::size_t first_at = sizeof(zone) > alignof(StandIn) ? sizeof(zone) : alignof(StandIn);
    static constexpr std::size_t smallest_chunk = zone::array_bytes >> 7;

    bool add_chunk(pin_failure& failure) {
        const std::size_t bytes = chunks_.size() < 7 ? smallest_chunk << chunks_.size() : zone::array_bytes;
        chunks_.reserve(chunks_.size() + 1);
        auto chunk = slab<Kernel>::try_map(bytes, memory_kind::small_pages, zone::array_bytes, failure);
        if (chunk == nullptr) return false;
        zone& header = zone_access::make(chunk->memory().data(), nullptr,
                                         pfn_shift, // of no meaning: the memory is elsewhere
                                         dma_access::read_write, owner_, release_);
        zone_access::set_thread(header, thread_);
        at_ = chunk->memory().data() + first_at;
        room_ = (bytes - first_at) / sizeof(StandIn);
        chunks_.push_back(std::move(chunk));
        return true;
    }

    void* const owner_;
    const zone_access::release_function release_;
    const void* const thread_;
    std::vector<std::unique_ptr<slab<Kernel>>> chunks_;
    stand_in* free_ = nullptr;
    std::byte* at_ = nullptr;
    std::size_t room_ = 0;
};

} // namespace gup::inline GUP_NAMESPACE::detail
