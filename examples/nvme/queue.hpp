// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A queue pair: commands go in, completions come out, and between the two the pages of each command are the
/// controller's.

#include "memory.hpp"
#include "port.hpp"
#include "request.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nvme {

/// One pair of queues, a page each, for one thread. There are three ways to learn that a command has ended:
/// `wait` blocks; `poll` looks, never blocks, and calls what the request has `on_end`; and the descriptor of
/// the queue's interrupt tells an event loop when there is something to poll for. No command allocates, and
/// each takes constant time. What is submitted within an `on_end` reaches the controller when `poll` ends.
class queue_pair {
public:
    queue_pair(port& to, memory_pool& pool, unsigned number)
        : port_(to),
          number_(number),
          entries_(std::min<unsigned>(page_size / sizeof(command), to.capabilities().queue_entries())),
          submissions_(pool),
          completions_(pool),
          under_way_(entries_ - 1) {
        for (std::size_t id = under_way_.size(); id-- > 0;)
            free_ids_.push_back(static_cast<std::uint16_t>(id));
    }
    queue_pair(const queue_pair&) = delete;
    queue_pair& operator=(const queue_pair&) = delete;

    unsigned number() const noexcept { return number_; }
    unsigned entries() const noexcept { return entries_; }
    /// Commands that can be under way at a time, and whether so many are.
    std::size_t capacity() const noexcept { return under_way_.size(); }
    bool full() const noexcept { return free_ids_.empty(); }
    /// Readable when commands have ended; who polls an event loop reads it before it calls `poll`.
    examples::event& interrupt() noexcept { return port_.interrupt(number_); }

    /// Hands a command to the controller, and the first `bytes` of the request's pages with it. Throws
    /// std::logic_error if the queue is full, or the request under way or too small.
    void submit(const command& what, request& by, transfer direction, std::size_t bytes) {
        if (full()) throw std::logic_error("more commands at a time than the queue has entries");
        const std::uint16_t id = free_ids_.back();
        const command& asked = by.lend(what, id, direction, bytes);
        free_ids_.pop_back();
        under_way_[id] = &by;
        std::memcpy(submissions_.at(tail_ * sizeof asked), &asked, sizeof asked);
        tail_ = (tail_ + 1) % entries_;
        if (!polling_) ring();
    }

    /// Takes what has completed, and calls `on_end` of each; returns how many. Throws controller_failed.
    std::size_t poll() {
        request* first = nullptr;
        request** last = &first;
        std::size_t taken = 0;
        while (request* const ended = take_completion()) {
            ended->next_ended_ = nullptr;
            last = &(*last = ended)->next_ended_;
            ++taken;
        }
        if (taken == 0) return 0;
        port_.ring(number_, true, head_);
        polling_ = true; // one ring for all that is submitted meanwhile
        call(first);
        polling_ = false;
        ring();
        return taken;
    }

    /// Waits until there may be something to poll for. Throws controller_failed, also after the deadline.
    void sleep(clock::time_point deadline) { port_.wait(number_, deadline); }

    /// Waits for a command, whatever else ends meanwhile. Throws command_failed, and controller_failed, which
    /// leaves all pages with the controller.
    void wait(request& by) {
        ring(); // this may be called while polling
        try {
            for (const auto deadline = clock::now() + limit; by.under_way();)
                if (poll() == 0) sleep(deadline);
        } catch (const controller_failed& failure) {
            throw controller_failed(describe(number_ == 0, by.last()), failure);
        }
        check(by);
    }
    /// Throws command_failed if the command has not done what it was to do.
    void check(const request& ended) const {
        if (ended.status() != 0) throw command_failed(describe(number_ == 0, ended.last()), ended.status());
    }

private:
    friend class controller;
    static constexpr std::chrono::seconds limit{10};
    static constexpr unsigned aborted_with_queue = 0x008; // the status of commands whose queue is deleted

    /// Tells the controller what has been submitted.
    void ring() {
        if (rung_ == tail_) return;
        std::atomic_thread_fence(
            std::memory_order_release); // the commands are there before the doorbell rings
        port_.ring(number_, false, rung_ = tail_);
    }

    struct addresses {
        std::uint64_t submissions;
        std::uint64_t completions;
    };
    /// Empty queues, which are the controller's too from now on.
    addresses begin() {
        tail_ = rung_ = head_ = 0;
        phase_ = 1;
        return {submissions_.lend(), completions_.lend()};
    }
    /// Takes all pages back: the controller has stopped.
    void reclaim() {
        for (std::size_t id = 0; id < under_way_.size(); ++id)
            if (request* const lost = std::exchange(under_way_[id], nullptr)) {
                free_ids_.push_back(static_cast<std::uint16_t>(id));
                lost->end(aborted_with_queue, 0);
                lost->next_ended_ = std::exchange(reclaimed_, lost);
            }
        submissions_.reclaim();
        completions_.reclaim();
    }
    /// When the queue can be used again.
    void call_reclaimed() noexcept { call(std::exchange(reclaimed_, nullptr)); }
    static void call(request* first) noexcept {
        while (first != nullptr) {
            request& ended = *std::exchange(first, first->next_ended_); // which may be submitted again
            if (ended.on_end) ended.on_end(ended);
        }
    }

    /// Null if there is none. The controller inverts the phase of its entries with every round through the
    /// queue.
    request* take_completion() {
        auto& next = *reinterpret_cast<completion*>(completions_.at(head_ * sizeof(completion)));
        // acquire: what the controller wrote before the completion, data first of all, is seen after it
        const std::uint32_t value = std::atomic_ref(next.id_and_status).load(std::memory_order_acquire);
        if ((value >> 16 & 1) != phase_) return nullptr;
        head_ = (head_ + 1) % entries_;
        if (head_ == 0) phase_ ^= 1;

        const std::uint16_t id = value & 0xffff;
        if (id >= under_way_.size() || under_way_[id] == nullptr)
            throw controller_failed("the controller completed a command that it was never given");
        request* const ended = std::exchange(under_way_[id], nullptr);
        free_ids_.push_back(id); // within what the constructor made room for
        ended->end(value >> 17, next.result);
        return ended;
    }

    port& port_;
    const unsigned number_;
    const unsigned entries_;
    shared_page submissions_;
    shared_page completions_;
    std::vector<request*> under_way_; // by the command's id
    std::vector<std::uint16_t> free_ids_{};
    request* reclaimed_ = nullptr;
    unsigned tail_ = 0;
    unsigned rung_ = 0; // the tail that the controller knows
    bool polling_ = false;
    unsigned head_ = 0;
    std::uint32_t phase_ = 1;
};

} // namespace nvme
