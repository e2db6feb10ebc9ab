// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A mapping that goes away with its object.

#include <cstddef>
#include <cstring>
#include <span>
#include <sys/mman.h>

namespace gup_bench {

/// Anonymous memory in 4 KiB pages, all of them present.
class mapping {
public:
    explicit mapping(std::size_t bytes) {
        void* const address =
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address == MAP_FAILED) return;
        bytes_ = {static_cast<std::byte*>(address), bytes};
        ::madvise(address, bytes, MADV_NOHUGEPAGE);
        std::memset(address, 1, bytes);
    }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    ~mapping() {
        if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
    }

    /// Empty if there was no memory.
    std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    std::span<std::byte> bytes_;
};

} // namespace gup_bench
