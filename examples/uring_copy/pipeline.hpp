// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The work itself: blocks of a file, each in a page of the pool, read and then written or compared, as many
/// at a time as the pool has pages.

#include "../common/interrupt.hpp"
#include "../common/progress.hpp"
#include "files.hpp"
#include "pool.hpp"

#include <cstring>
#include <exception>
#include <utility>
#include <vector>

namespace uring_copy {

/// What is done with a block of the source once it has been read.
enum class purpose { copy, compare };

class pipeline {
public:
    pipeline(copy_pool& pool, examples::progress& shown)
        : ring_(pool.ring.get()), pages_(pool.pages), progress_(shown), blocks_(pages_.pages()) {
        for (block& b : blocks_) idle_.push_back(&b);
    }

    /// Copies all of `source` to `target`, or compares all of both. Throws the first error after the
    /// operations that were in flight have ended.
    void run(source_file& source, open_file& target, purpose why) {
        source_ = &source;
        target_ = &target;
        purpose_ = why;
        chunk_ = why == purpose::copy ? pages_.page_size() : pages_.page_size() / 2;
        next_ = 0;
        failure_ = nullptr;
        data_finder holes_of_source(source), holes_of_target(target);
        for (;;) {
            attempt([&] {
                examples::throw_if_interrupted();
                while (start_next(holes_of_source, holes_of_target)) {
                }
            });
            if (idle_.size() == blocks_.size()) break;
            submit_and_wait();
            io_uring_cqe* cqe = nullptr;
            for (; io_uring_peek_cqe(&ring_, &cqe) == 0; io_uring_cqe_seen(&ring_, cqe)) on_completion(*cqe);
        }
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

private:
    enum class step { read_source, write_target, read_target };

    /// A part of the files that is being worked on. The operation owns the page: it comes back with each
    /// completion and goes with the next operation.
    struct block {
        gup::in_flight<page_ref> operation{};
        step at = step::read_source;
        std::uint64_t offset = 0;
        std::size_t length = 0;
        std::size_t done = 0; // of this step
        bool direct = false;  // as the operation was issued: the file may have fallen back meanwhile
    };

    /// What every O_DIRECT offset and length is a multiple of.
    static constexpr std::size_t alignment = 4096;
    static constexpr std::size_t round_up(std::size_t bytes) {
        return (bytes + alignment - 1) & ~(alignment - 1);
    }

    /// Does `work` unless something has failed already, and keeps its failure.
    template <class Work>
    void attempt(Work&& work) noexcept {
        if (failure_) return;
        try {
            work();
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    /// Starts the next block, of which a copy has no hole; false if there is none, or no page free.
    bool start_next(data_finder& source, data_finder& target) {
        if (idle_.empty() || next_ >= source_->size()) return false;
        std::uint64_t data = source.next(next_);
        if (purpose_ == purpose::compare) data = std::min(data, target.next(next_));
        const std::uint64_t begin = std::min(data / alignment * alignment, source_->size());
        progress_.advance(begin - next_);
        next_ = begin;
        if (next_ == source_->size()) return false;

        std::uint64_t end = source_->size();
        if (purpose_ == purpose::copy) end = std::min(end, round_up(std::min(end, source.end())));

        auto page = gup::try_get_user_page(pages_);
        if (!page) return false;
        block& b = *idle_.back();
        b.at = step::read_source;
        b.offset = next_;
        b.length = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_, end - next_));
        b.done = 0;
        issue(b, std::move(*page));
        idle_.pop_back();
        next_ += b.length;
        return true;
    }

    open_file& file_of(const block& b) const { return b.at == step::read_source ? *source_ : *target_; }

    /// Gives the page to an operation for what is left of the block's step.
    void issue(block& b, page_ref&& page) {
        io_uring_sqe* const sqe = io_uring_get_sqe(&ring_); // never null: an entry for each block
        const auto user_data = static_cast<std::uint64_t>(&b - blocks_.data());
        const std::uint64_t offset = b.offset + b.done;
        open_file& file = file_of(b);
        b.direct = file.direct();
        if (b.at == step::write_target) {
            const std::size_t length = b.direct ? round_up(b.length) : b.length;
            b.operation = gup::prep_write_fixed(sqe, file.fd(), std::move(page), offset,
                                                {.part = {b.done, length - b.done}, .user_data = user_data});
        } else {
            // beyond the end of the file, too: that is where a file that grows is noticed
            const std::size_t begin = (b.at == step::read_target ? chunk_ : 0) + b.done;
            b.operation =
                gup::prep_read_fixed(sqe, file.fd(), std::move(page), offset,
                                     {.part = {begin, round_up(b.length) - b.done}, .user_data = user_data});
        }
    }

    void submit_and_wait() {
        std::error_code error;
        gup::submit_and_wait(pages_.domain(), ring_, 1, error);
        const int code = error.value();
        if (code == 0 || code == EINTR || code == EAGAIN || code == EBUSY) return;
        fail(code, "io_uring_enter"); // what is in flight is leaked by gup, never freed
    }

    void on_completion(const io_uring_cqe& cqe) {
        if (cqe.user_data >= blocks_.size()) return; // of an entry that was not prepared after all
        block& b = blocks_[cqe.user_data];
        page_ref page = gup::complete(std::move(b.operation), cqe);
        bool issued = false;
        attempt([&] {
            if (!advance(b, cqe.res, page)) return;
            issue(b, std::move(page));
            issued = true;
        });
        if (issued) return;
        gup::put_user_page(std::move(page), gup::clean); // its content is in the file
        idle_.push_back(&b);
    }

    /// Takes the result of an operation in; true if the block needs another one.
    bool advance(block& b, int result, page_ref& page) {
        if (result == -EAGAIN || result == -EINTR) return true;
        if (result == -EINVAL && b.direct) {
            file_of(b).stop_direct();
            return true;
        }
        const char* const doing = b.at == step::write_target ? "writing " : "reading ";
        if (result < 0) fail(-result, doing + file_of(b).name());
        if (result == 0 && b.at == step::write_target) fail(EIO, doing + file_of(b).name());
        b.done += static_cast<std::size_t>(result);
        if (b.at == step::read_source && (result == 0 || b.done > b.length)) source_->throw_other_size();
        if (result == 0) throw_different(b);
        if (b.done < b.length) return true;
        return next_step(b, page);
    }

    /// Every byte of the step is there.
    bool next_step(block& b, page_ref& page) {
        b.done = 0;
        if (b.at == step::read_source) {
            const auto unused = page.bytes().subspan(b.length, round_up(b.length) - b.length);
            std::fill(unused.begin(), unused.end(), std::byte{0}); // an O_DIRECT write puts it on the disk
            b.at = purpose_ == purpose::copy ? step::write_target : step::read_target;
            return true;
        }
        const std::byte* const bytes = page.bytes().data();
        if (b.at == step::read_target && std::memcmp(bytes, bytes + chunk_, b.length) != 0)
            throw_different(b);
        progress_.advance(b.length);
        return false;
    }

    [[noreturn]] void throw_different(const block& b) const {
        source_->throw_if_ever_touched(); // that is why
        throw std::runtime_error("the copy of " + source_->name() + " reads back differently between bytes " +
                                 std::to_string(b.offset) + " and " + std::to_string(b.offset + b.length));
    }

    io_uring& ring_;
    gup::page_pool<copy_domain>& pages_;
    examples::progress& progress_;
    std::vector<block> blocks_;
    std::vector<block*> idle_{};

    source_file* source_ = nullptr;
    open_file* target_ = nullptr;
    purpose purpose_ = purpose::copy;
    std::size_t chunk_ = 0;
    std::uint64_t next_ = 0;
    std::exception_ptr failure_{};
};

} // namespace uring_copy
