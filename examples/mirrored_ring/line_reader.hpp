// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Reads a file into a mirrored ring and takes lines out of it.

#include "../common/input_file.hpp"
#include "../common/ring.hpp"

#include "gup/caller_memory.hpp"
#include "gup/domain/io_uring.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace mirrored_ring {

using domain = gup::io_uring_domain<>;
using pinned_page = gup::user_page_ref<domain>;

/// A line, or a piece of one that is longer than the ring.
struct line {
    std::span<const std::byte> bytes;
    bool first; ///< its beginning
};

/// What was done, for the summary.
struct tally {
    std::uint64_t bytes = 0;
    std::size_t reads = 0;
    std::size_t reads_across = 0; ///< one operation each, though they cross the end of the ring
    std::size_t lines_across = 0;
};

class line_reader {
public:
    /// `memory` shows the `size` bytes of the ring twice.
    line_reader(domain in, io_uring& ring, pinned_page memory, std::size_t size,
                const examples::input_file& from)
        : domain_(std::move(in)), ring_(ring), memory_(std::move(memory)), size_(size), file_(from) {}
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;
    /// What was read is the file's: nobody writes it back. Nothing to put if an error left it in flight.
    ~line_reader() {
        if (memory_) gup::put_user_page(std::move(memory_), gup::clean);
    }

    /// The next line with its newline; it stays until the next call. Empty at the end of the file.
    std::optional<line> next() {
        head_ += std::exchange(taken_, 0);
        std::size_t seen = 0;
        for (;;) {
            const auto held = contents();
            const auto newline =
                std::find(held.begin() + static_cast<std::ptrdiff_t>(seen), held.end(), std::byte{'\n'});
            if (newline != held.end())
                return take(static_cast<std::size_t>(newline - held.begin()) + 1, true);
            if (held.size() == size_) return take(size_, false);
            seen = held.size();
            if (fill()) continue;
            if (held.empty()) return std::nullopt;
            return take(held.size(), false);
        }
    }
    const tally& done() const noexcept { return done_; }

private:
    /// What is in the ring, in one piece wherever it begins.
    std::span<const std::byte> contents() const noexcept {
        return std::as_const(memory_).bytes().subspan(head_ % size_, tail_ - head_);
    }
    line take(std::size_t length, bool ends) noexcept {
        taken_ = length;
        if (head_ % size_ + length > size_) ++done_.lines_across;
        return {contents().first(length), std::exchange(begins_, ends)};
    }

    /// Reads as much as there is room for, in one operation; false at the end of the file.
    bool fill() {
        const std::size_t at = tail_ % size_;
        const std::size_t room = size_ - (tail_ - head_);
        gup::prep_read_fixed(io_uring_get_sqe(&ring_), file_.fd(), std::move(memory_), tail_,
                             {.part = {.offset = at, .length = room}});
        io_uring_cqe* cqe = nullptr;
        gup::submit(domain_, ring_);
        int result = 0;
        do result = io_uring_wait_cqe(&ring_, &cqe);
        while (result == -EINTR);
        if (result < 0) examples::fail(-result, "io_uring_wait_cqe");
        memory_ = gup::complete(domain_, cqe);
        result = cqe->res;
        io_uring_cqe_seen(&ring_, cqe);
        if (result < 0) examples::fail(-result, "reading " + file_.name());
        const auto got = static_cast<std::size_t>(result);
        ++done_.reads;
        if (at + got > size_) ++done_.reads_across;
        done_.bytes += got;
        tail_ += got;
        return got > 0;
    }

    domain domain_;
    io_uring& ring_;
    pinned_page memory_;
    const std::size_t size_;
    const examples::input_file& file_;
    std::uint64_t head_ = 0; // bytes that were taken out so far
    std::uint64_t tail_ = 0; // bytes that were read so far
    std::size_t taken_ = 0;  // of the line handed out last
    bool begins_ = true;     // the next piece is the beginning of a line
    tally done_;
};

} // namespace mirrored_ring
