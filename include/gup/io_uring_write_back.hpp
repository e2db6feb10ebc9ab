// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Writes the dirty pages of an address space to a file, by fixed writes of io_uring.

#include "gup/address_space.hpp"
#include "gup/domain/io_uring.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE {

/// What write_back did.
struct write_back_result {
    std::size_t written = 0; ///< pages, counted for each of their names
    /// Pages that stay dirty because a device may write to them now: write them back later.
    std::size_t busy = 0;
};

namespace detail {

/// Dirty names of a space, and how many of each page's are still to be written for: a page is clean from the
/// last of them on. Until then it is dirty, so that nothing is lost if an error ends the write-back between
/// two names of a page, or if a name is given a copy of it.
class unwritten_names {
public:
    template <class Domain>
    explicit unwritten_names(const address_space<Domain>& space) {
        space_access::state(space).for_each_dirty([this](std::uint64_t index, const page& p) {
            names_.push_back(index);
            ++names_of_[&p];
        });
        std::ranges::sort(names_);
    }
    /// In order.
    const std::vector<std::uint64_t>& indices() const noexcept { return names_; }
    /// The page is written for one of its names: true if that is the last. False for pages that were not
    /// dirty under this name when the write-back began.
    bool take_last(const page& p) noexcept {
        const auto found = names_of_.find(&p);
        return found != names_of_.end() && found->second > 0 && --found->second == 0;
    }

private:
    std::vector<std::uint64_t> names_;
    std::unordered_map<const page*, std::size_t> names_of_;
};

/// A page that is being written: nobody gets a pin to write it meanwhile, who asks gets a copy.
template <class Domain>
class page_in_write_back {
public:
    /// Empty if the page need not or cannot be written now.
    page_in_write_back(address_space<Domain>& space, std::uint64_t index, unwritten_names& unwritten)
        : space_(&space_access::state(space)), index_(index) {
        auto found = find_get_page(space, index);
        if (!found) return;
        page_ref<Domain>& ref = found.value();
        page& p = page_of(reference_access::word(ref));
        if (!page_access::dirty(p)) return;
        frozen_ = frozen_page(p);
        if (!frozen_) {
            busy_ = true; // and not taken from the names to be written for: it stays dirty
            return;
        }
        if (unwritten.take_last(p)) clear_page_dirty_for_io(ref, by_library<Domain>());
        page_ = std::move(ref);
    }
    page_in_write_back(page_in_write_back&& other) noexcept = default;
    page_in_write_back& operator=(page_in_write_back&&) = delete;
    ~page_in_write_back() {
        if (page_ && !written_) space_->set_dirty(index_, page_of(reference_access::word(page_)));
    }

    explicit operator bool() const noexcept { return static_cast<bool>(page_); }
    /// True if it is empty because a device may write to the page.
    bool busy() const noexcept { return busy_; }
    /// A pin for the operation that writes it.
    user_page_ref<Domain, dma_access::read> pin() const noexcept {
        return get_user_page<dma_access::read>(page_);
    }
    std::size_t size() const noexcept { return page_.size(); }
    /// Bytes to write, and where in the file.
    std::size_t length(std::uint64_t file_size) const noexcept {
        return file_size <= offset()
                   ? 0
                   : static_cast<std::size_t>(std::min<std::uint64_t>(size(), file_size - offset()));
    }
    /// Of an index too large for any file, an offset that the kernel refuses.
    std::uint64_t offset() const noexcept {
        constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
        return index_ > most / size() ? most : index_ * size();
    }
    void set_written() noexcept { written_ = true; }

private:
    space_state<Domain>* space_;
    page_ref<Domain> page_{};
    frozen_page frozen_{}; // goes before the reference
    std::uint64_t index_;
    bool busy_ = false;
    bool written_ = false;
};

/// Why it is no use to write on after a write with this result; empty if it took something.
inline std::error_code fault_of_write(std::int32_t result) noexcept {
    return errno_code(result < 0 ? -result : result == 0 ? ENOSPC : 0);
}

/// Some of them, and the operations that write them.
template <class Domain>
class write_back_batch {
public:
    write_back_batch(std::size_t room, std::uint64_t file_size) : file_size_(file_size) {
        pages_.reserve(room);
        operations_.reserve(room);
    }

    bool full() const noexcept { return pages_.size() == pages_.capacity(); }
    void add(page_in_write_back<Domain> page) noexcept { pages_.push_back(std::move(page)); }

    /// Writes all; returns how many were written whole. After an error, the first is kept in `error`, no more
    /// is submitted and what is under way is waited for. If the ring cannot be waited for any more, the
    /// tokens of what the kernel has taken say so and keep their pins.
    std::size_t run(Domain& domain, io_uring& ring, int fd, std::error_code& error) {
        prepare(ring, fd, error);
        std::size_t written = 0;
        while (under_way_ > 0) {
            std::error_code refused;
            submit_and_wait(domain, ring, 1, refused);
            if (refused && refused != std::errc::interrupted) {
                note(error, refused);
                take_back();
                if (under_way_ > 0 && !wait_only(ring)) break;
            }
            io_uring_cqe* cqe = nullptr;
            while (io_uring_peek_cqe(&ring, &cqe) == 0) {
                written += finish(ring, fd, *cqe, error);
                io_uring_cqe_seen(&ring, cqe);
            }
        }
        return written;
    }

private:
    struct operation {
        io_uring_sqe* entry;
        ring_token<Domain, dma_access::read> token;
        std::size_t done; ///< bytes that the file has taken
    };

    static void note(std::error_code& error, std::error_code what) noexcept {
        if (!error) error = what;
    }
    void prepare(io_uring& ring, int fd, std::error_code& error) {
        operations_.resize(pages_.size()); // reserved
        for (std::size_t i = 0; i < pages_.size() && !error; ++i) prepare_rest(ring, fd, i, error);
    }
    /// Prepares to write what the file has not yet taken of a page.
    void prepare_rest(io_uring& ring, int fd, std::size_t number, std::error_code& error) {
        const page_in_write_back<Domain>& page = pages_[number];
        operation& rest = operations_[number];
        const subrange part{.offset = rest.done, .length = page.length(file_size_) - rest.done};
        rest.entry = io_uring_get_sqe(&ring);
        std::error_code refused;
        rest.token = prep_write_fixed(rest.entry, fd, page.pin(), page.offset() + rest.done,
                                      {.part = part, .user_data = number}, refused);
        if (refused) return note(error, refused);
        ++under_way_;
    }
    /// Waits for a completion and submits nothing: what is refused may be the submission only. False if the
    /// ring will bring none.
    static bool wait_only(io_uring& ring) noexcept {
        for (io_uring_cqe* cqe = nullptr;;)
            if (const int result = io_uring_wait_cqe(&ring, &cqe); result != -EINTR) return result == 0;
    }
    /// What the kernel has not taken is not under way.
    void take_back() noexcept {
        for (auto& [entry, token, done] : operations_) {
            if (!token) continue;
            if (auto pin = try_take_back(token, entry)) {
                put_user_page(std::move(pin).value(), by_library<Domain>());
                --under_way_;
            }
        }
    }
    /// True if this is the completion of a page that is written whole now. Of one that is not, writes on.
    bool finish(io_uring& ring, int fd, const io_uring_cqe& cqe, std::error_code& error) {
        if (cqe.user_data >= operations_.size()) return false; // of an entry that was refused
        operation& finished = operations_[cqe.user_data];
        auto pin = try_complete(finished.token, cqe);
        if (!pin) return false;
        put_user_page(std::move(pin).value(), by_library<Domain>());
        --under_way_;
        if (const std::error_code fault = fault_of_write(cqe.res))
            note(error, fault);
        else
            finished.done += static_cast<std::size_t>(cqe.res);
        page_in_write_back<Domain>& page = pages_[cqe.user_data];
        const bool whole = finished.done == page.length(file_size_);
        if (whole)
            page.set_written();
        else if (!error)
            prepare_rest(ring, fd, cqe.user_data, error);
        return whole;
    }

    const std::uint64_t file_size_;
    std::vector<page_in_write_back<Domain>> pages_;
    std::vector<operation> operations_;
    std::size_t under_way_ = 0;
};

} // namespace detail

/// Writes each dirty page of `space` to `fd` at its index times its size, as many at a time as `ring` has
/// room for, and waits. No other operation of `ring` may be under way; its domain is that of the pages. A
/// page is clean from before its write begins; while it is written its content stays as it is: who pins it by
/// name to write gets a copy, or, in a space without a pool for copies, ENOBUFS. Who has a page_ref and
/// writes through it or a pin of it is not stopped, as in the kernel: what the file gets may be a mixture
/// then, and putting the pin dirty has the page written again next time, if it has the name still. A page
/// with several names in the space is written for each of them, and is clean from the last of these writes
/// on: for its names in other spaces, too, whose files are not written, and for names that it is given
/// meanwhile. Nothing is written behind `file_size` bytes of the file.
///
/// Throws pin_error with the kernel's errno if a write or the ring fails, EBUSY if completions of other
/// operations are in the ring, ENOSPC if the file takes no more of a page and gives no reason; pages that
/// were not written are dirty again. No operation is left under way, unless the ring cannot even be waited
/// for any more: then what the kernel has taken is leaked with its pins, on_release_failure hears of it, and
/// what the pages hold may still reach the file.
template <ring_domain Domain>
write_back_result write_back(address_space<Domain>& space, Domain& domain, io_uring& ring, int fd,
                             std::uint64_t file_size = std::numeric_limits<std::uint64_t>::max()) {
    write_back_result result;
    if (io_uring_cq_ready(&ring) != 0) // they could have the user_data of a write
        detail::throw_refusal(EBUSY, "write_back",
                              "the ring holds completions of other operations: see them first");
    detail::unwritten_names unwritten(space);
    const std::vector<std::uint64_t>& dirty = unwritten.indices();
    std::error_code error;
    for (auto next = dirty.begin(); next != dirty.end() && !error;) {
        detail::write_back_batch<Domain> batch(std::max<std::size_t>(io_uring_sq_space_left(&ring), 1),
                                               file_size);
        while (next != dirty.end() && !batch.full()) {
            detail::page_in_write_back<Domain> page(space, *next++, unwritten);
            result.busy += page.busy();
            if (page && page.length(file_size) == 0)
                page.set_written(); // behind the end of the file
            else if (page)
                batch.add(std::move(page));
        }
        result.written += batch.run(domain, ring, fd, error);
    }
    if (error)
        detail::throw_refusal(
            error.value(), "write_back",
            "the pages that were not written are dirty still: mend the file and write them back "
            "again");
    return result;
}

template <class = void>
write_back_result write_back(detail::anything = {}, detail::anything = {}, detail::anything = {},
                             detail::anything = {}, detail::anything = {}, detail::anything = {})
    GUP_REFUSED(
        "write_back takes an address space, the domain of its pages, a ring of that domain, all by name, "
        "and a descriptor: write write_back(space, domain, ring, fd)");

} // namespace gup::inline GUP_NAMESPACE
