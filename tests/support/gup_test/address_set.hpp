// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A set of addresses, kept as ranges: what a test believes to be mapped or locked.

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace gup_test {

/// Not thread-safe.
class address_set {
public:
    void add(const void* address, std::size_t bytes) {
        remove(address, bytes);
        const auto begin = reinterpret_cast<std::uintptr_t>(address);
        ranges_[begin] = begin + bytes;
    }

    void remove(const void* address, std::size_t bytes) {
        const auto begin = reinterpret_cast<std::uintptr_t>(address);
        cut(begin);
        cut(begin + bytes);
        ranges_.erase(ranges_.lower_bound(begin), ranges_.lower_bound(begin + bytes));
    }

    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const auto& [begin, end] : ranges_) sum += end - begin;
        return sum;
    }

private:
    void cut(std::uintptr_t at) {
        auto range = ranges_.lower_bound(at);
        if (range == ranges_.begin()) return;
        --range;
        if (range->second > at) ranges_[at] = std::exchange(range->second, at);
    }

    std::map<std::uintptr_t, std::uintptr_t> ranges_; // begin to end
};

} // namespace gup_test
