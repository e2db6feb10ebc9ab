// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A command and the memory that it needs: made once, used again and again, so that no command allocates.

#include "command.hpp"
#include "memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nvme {

/// What a command does with its pages.
enum class transfer : std::uint8_t { to_controller, from_controller };

/// Its pages are the controller's while the command is under way: `pages` is empty of them then. It stays
/// where it is and lives until the command has ended or the controller has stopped; one that goes before
/// leaves its pages pinned for ever, and gup says so. Used by the thread of the queue that it is given to.
class request {
public:
    /// Pages that one list names, beside the first, which the command names itself.
    static constexpr std::size_t most_pages = 1 + page_size / sizeof(std::uint64_t);
    /// Pages that such a request takes from a pool: its data, and their list if they are more than two.
    static constexpr std::size_t pages_needed(std::size_t data) noexcept { return data + (data > 2 ? 1 : 0); }

    request(memory_pool& pool, std::size_t data) : pages_(gup::get_user_pages(pool, data)), lent_(data) {
        if (data > most_pages) throw std::invalid_argument("more pages than one list names");
        if (data <= 2) return;
        list_ = gup::get_user_page(pool);
        // filled once: a command that needs fewer pages reads only the beginning
        for (std::size_t i = 1; i < data; ++i) {
            const std::uint64_t address = gup::iova(pages_[i]);
            std::memcpy(list_.bytes().data() + (i - 1) * sizeof address, &address, sizeof address);
        }
    }
    request(const request&) = delete;
    request& operator=(const request&) = delete;
    ~request() = default;

    /// What is written, or has been read.
    std::span<const page> pages() const noexcept { return pages_; }

    /// Called by the queue's poll when a command has ended, however it has: it may give the next one, and
    /// must not throw.
    std::function<void(request&)> on_end{};

    bool under_way() const noexcept { return under_way_; }
    /// The command under way, or the one before.
    const command& last() const noexcept { return command_; }
    /// As in the completion, without the phase: zero if all was done.
    unsigned status() const noexcept { return status_; }
    /// What the completion says beside the status, by command.
    std::uint32_t result() const noexcept { return result_; }

private:
    friend class queue_pair;

    /// The first pages, as many as `bytes` take, are the controller's now. Nothing has changed if it throws.
    const command& lend(command what, std::uint16_t id, transfer direction, std::size_t bytes) {
        const std::size_t count = (bytes + page_size - 1) / page_size;
        if (under_way_ || count > pages_.size())
            throw std::logic_error("a request that is under way, or too small for its command");
        for (std::size_t i = 0; i < count; ++i)
            lent_[i] = direction == transfer::to_controller
                           ? gup::start_dma_to_device(std::move(pages_[i]), id)
                           : gup::start_dma_from_device(std::move(pages_[i]), id);
        what.id = id;
        if (count > 0) what.prp1 = gup::iova(lent_[0]);
        if (count == 2) what.prp2 = gup::iova(lent_[1]);
        if (count > 2) {
            lent_list_ = gup::start_dma_to_device(std::move(list_), id);
            what.prp2 = gup::iova(lent_list_);
        }
        count_ = count;
        under_way_ = true;
        return command_ = what;
    }
    /// They are ours again.
    void end(unsigned status, std::uint32_t result) {
        for (std::size_t i = 0; i < count_; ++i) pages_[i] = gup::complete(std::move(lent_[i]), command_.id);
        if (lent_list_) list_ = gup::complete(std::move(lent_list_), command_.id);
        status_ = status;
        result_ = result;
        under_way_ = false;
    }

    std::vector<page> pages_;
    page list_{};
    std::vector<lent_page> lent_; // the first `count_`, while it is under way
    lent_page lent_list_{};
    std::size_t count_ = 0;
    command command_{};
    unsigned status_ = 0;
    std::uint32_t result_ = 0;
    bool under_way_ = false;
    request* next_ended_ = nullptr; // the queue's
};

} // namespace nvme
