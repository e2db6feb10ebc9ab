// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A queue pair: commands go in, completions come out, and between the two the pages of each command are the
/// controller's.

#include "memory.hpp"
#include "port.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nvme {

/// What a command does with its pages.
enum class transfer : std::uint8_t { to_controller, from_controller };

/// One pair of queues, a page each, for one thread. It must be reclaimed when the controller has stopped; if
/// not, what the controller may still reach stays pinned for ever, and gup says so.
class queue_pair {
public:
    /// Lists of pages come from the pool too.
    queue_pair(port& to, memory_pool& pool, unsigned number)
        : port_(to),
          pool_(pool),
          number_(number),
          entries_(std::min<unsigned>(page_size / sizeof(command), to.capabilities().queue_entries())),
          submissions_(pool),
          completions_(pool),
          pending_(entries_ - 1) {}

    unsigned entries() const noexcept { return entries_; }
    /// The addresses to tell the controller, once: it has the queues from then on.
    std::uint64_t lend_submissions() { return submissions_.lend(); }
    std::uint64_t lend_completions() { return completions_.lend(); }

    /// Hands a command and its pages to the controller; the number to wait for.
    std::uint16_t submit(command what, transfer direction, std::vector<page> pages, std::string doing) {
        const std::uint16_t id = free_id();
        pending& mine = pending_[id];
        // what may throw comes first: a page that is lent must reach the controller
        std::vector<page> lists = gup::get_user_pages(pool_, lists_for(pages.size()));
        mine.data.reserve(pages.size());
        mine.lists.reserve(lists.size());

        for (page& p : pages)
            mine.data.push_back(direction == transfer::to_controller
                                    ? gup::start_dma_to_device(std::move(p), id)
                                    : gup::start_dma_from_device(std::move(p), id));
        what.id = id;
        if (!mine.data.empty()) {
            what.prp1 = gup::iova(mine.data.front());
            what.prp2 = fill_lists(mine.data, lists);
        }
        for (page& list : lists) mine.lists.push_back(gup::start_dma_to_device(std::move(list), id));
        mine.doing = std::move(doing);
        mine.at = progress::submitted;

        std::memcpy(submissions_.at(tail_ * sizeof what), &what, sizeof what);
        tail_ = (tail_ + 1) % entries_;
        std::atomic_thread_fence(std::memory_order_release); // the command is there before the doorbell rings
        port_.ring(number_, false, tail_);
        return id;
    }

    /// Waits for a command, whatever else completes meanwhile: its pages. Throws command_failed, and
    /// controller_failed, which leaves all pages with the controller.
    std::vector<page> wait(std::uint16_t id) {
        pending& mine = pending_[id];
        for (const auto deadline = clock::now() + limit; mine.at != progress::completed;)
            if (!take_completion()) port_.wait(deadline, mine.doing);
        mine.at = progress::none;
        std::vector<page> pages = reclaim(mine.data, id);
        if (mine.status != 0) throw command_failed(mine.doing, mine.status);
        return pages;
    }

    /// Takes all pages back: the controller has stopped.
    void reclaim() {
        for (std::size_t id = 0; id < pending_.size(); ++id) {
            reclaim(pending_[id].data, id);
            reclaim(pending_[id].lists, id);
        }
        submissions_.reclaim();
        completions_.reclaim();
    }

private:
    static constexpr std::chrono::seconds limit{10};

    enum class progress : std::uint8_t { none, submitted, completed };
    /// A command; its index is the command's id.
    struct pending {
        progress at = progress::none;
        unsigned status = 0;
        std::string doing{};
        std::vector<lent_page> data{};
        std::vector<lent_page> lists{};
    };

    std::uint16_t free_id() const {
        for (std::size_t id = 0; id < pending_.size(); ++id)
            if (pending_[id].at == progress::none) return static_cast<std::uint16_t>(id);
        throw std::logic_error("more commands at a time than the queue has entries");
    }

    static std::vector<page> reclaim(std::vector<lent_page>& lent, std::size_t id) {
        std::vector<page> pages;
        pages.reserve(lent.size());
        for (lent_page& p : lent) pages.push_back(gup::complete(std::move(p), id));
        lent.clear();
        return pages;
    }

    /// Takes the next completion if there is one. The controller inverts the phase of its entries with every
    /// round through the queue.
    bool take_completion() {
        auto& next = *reinterpret_cast<completion*>(completions_.at(head_ * sizeof(completion)));
        // acquire: what the controller wrote before the completion, data first of all, is seen after it
        const std::uint32_t value = std::atomic_ref(next.id_and_status).load(std::memory_order_acquire);
        if ((value >> 16 & 1) != phase_) return false;
        head_ = (head_ + 1) % entries_;
        if (head_ == 0) phase_ ^= 1;
        port_.ring(number_, true, head_);

        const std::uint16_t id = value & 0xffff;
        if (id >= pending_.size() || pending_[id].at != progress::submitted)
            throw controller_failed("the controller completed a command that it was never given");
        pending& done = pending_[id];
        done.at = progress::completed;
        done.status = value >> 17;
        gup::put_user_pages(reclaim(done.lists, id), gup::clean);
        return true;
    }

    port& port_;
    memory_pool& pool_;
    const unsigned number_;
    const unsigned entries_;
    shared_page submissions_;
    shared_page completions_;
    std::vector<pending> pending_;
    unsigned tail_ = 0;
    unsigned head_ = 0;
    std::uint32_t phase_ = 1;
};

} // namespace nvme
