// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The place of an io_uring_domain: which slots of its rings' buffer tables are ours, and the system calls
/// that fill and clear them on every ring.

#include "gup/detail/emptied_in_child.hpp"
#include "gup/detail/io_uring/buffer_charge.hpp"
#include "gup/detail/io_uring/free_slots.hpp"
#include "gup/detail/io_uring/ring_descriptor.hpp"
#include "gup/detail/io_uring/ring_place.hpp"
#include "gup/detail/io_uring/table_failure.hpp"
#include "gup/error.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/pin_domain.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <sys/uio.h>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Since Linux 6.12, with a place in an existing table since 6.13; headers may be older than the kernel.
inline constexpr unsigned register_clone_buffers = 30;
inline constexpr std::uint32_t clone_replaces = 1U << 1;
struct clone_buffers_request {
    std::uint32_t source_fd, flags, source_offset, target_offset, count, pad[3];
};

/// The entries of the rings' buffer tables that are the domain's.
struct slot_range {
    unsigned first = 0;
    unsigned count = 0;
    bool callers_table = false; // the caller made the table and lends us these slots
};

template <class Kernel>
class buffer_table final : public ring_place {
    using ring_in_use = typename ring_descriptor<Kernel>::in_use;

public:
    using kernel = Kernel;
    using mark = ring_mark;
    static constexpr const char* call = "io_uring_domain::pin";
    static constexpr const char* in_child =
        "this domain belongs to the parent process: make a ring and a domain of your own";

    explicit buffer_table(slot_range slots)
        : ring_place(make_emptied_in_child<ring_set, Kernel>(), std::random_device{}()),
          slots_(slots),
          free_(slots.first, slots.count) {
        deferred_.reserve(slots.count); // a release must not allocate
    }

    ~buffer_table() {
        if (belongs_to_parent()) return; // a forked child: the rings and their tables are the parent's
        release_deferred();
        if (deferred_.empty() && !quarantined_) remove_tables(); // else they go with the rings
        // Deferred memory goes last: no operation is in flight on it, and the kernel has pins of its own.
    }

    /// Adds a ring and makes its table, or looks at the caller's. A table that is refused is no table on any
    /// ring: the domain cannot pin, and says why then. False, and the ring is as it was, for mistakes of the
    /// caller's.
    bool try_add(const io_uring& ring, std::uint32_t operations, pin_failure& failure) {
        add_ring(ring, operations);
        auto& here = *descriptors_.emplace_back(std::make_unique<ring_descriptor<Kernel>>());
        if (const int result = here.watch(ring); result < 0)
            return refuse(failure, -result, "look-up of a ring's descriptor", why_no_table(-result, false));
        if (why_unable_) return true;
        const bool lent = slots_.callers_table;
        const int result = lent ? look_at_table(ring_in_use(here)) : make_table(ring_in_use(here));
        if (result >= 0) {
            ++tables_;
            return true;
        }
        refuse(failure, -result,
               lent ? "io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)"
                    : "io_uring_register(IORING_REGISTER_BUFFERS2)",
               why_no_table(-result, lent));
        if (is_mistake(-result, lent)) return false;
        why_unable_ = failure;
        remove_tables();
        return true;
    }

    /// Registers a range as one fixed buffer, split only at whole GiB, on every ring that is open or on none.
    /// io_uring pins for writing whatever the access.
    std::optional<ring_mark> try_pin(std::span<const std::byte> range, dma_access, pin_failure& failure) {
        release_deferred();
        const unsigned count = ring_access::slots_for(range.size());
        const std::lock_guard lock(lock_);
        if (why_unable_) {
            failure = *why_unable_;
            failure.range = range;
            return std::nullopt;
        }
        const auto taken = free_.take(count);
        if (!taken) {
            refuse(failure, ENOSPC, "io_uring buffer table",
                   "no run of " + std::to_string(count) +
                       " free slots is left: raise io_uring_options::slots");
            return std::nullopt;
        }
        const auto slot = static_cast<unsigned>(*taken);
        std::optional<std::size_t> first; // ring that has the range: the others share it
        filled now{-EBADF};               // if all are closed
        std::size_t ring = 0;
        for (; ring < descriptors_.size(); ++ring) {
            const ring_in_use here(*descriptors_[ring]);
            if (here.closed() || (first && clone(*first, here, slot, count) >= 0)) continue;
            now = fill(here, slot, range);
            if (now.error != 0) break;
            if (!first) first = ring;
        }
        if (now.error == 0) return ring_mark(rings(), range, slot);
        bool undone = true;
        for (std::size_t i = 0; i < descriptors_.size() && i <= ring; ++i)
            undone = clear(i, slot, i == ring ? now.slots : count) == 0 && undone;
        if (undone)
            free_.give_back(slot, count);
        else
            report_quarantine(-now.error, range);
        // rings that cannot share a registration are each charged in full
        const bool each =
            descriptors_.size() > 1 && (first || clone(0, ring_in_use(*descriptors_[1]), slot, count) < 0);
        explain(failure, -now.error, each ? descriptors_.size() : 1);
        failure.kept = !undone;
        return std::nullopt;
    }

    /// The operations that nobody can complete any more end, or are reported.
    void last_handle_gone() noexcept {
        release_deferred();
        {
            const std::lock_guard lock(lock_); // what others settle meanwhile does not undo it
            end_records();
        }
        for (std::size_t ring = 0; ring < descriptors_.size(); ++ring)
            end_operations(ring, ring_in_use(*descriptors_[ring]).closed());
    }

    /// Clears the slots of a range on every ring, then lets go of its memory.
    void unpin(const ring_mark& made, std::span<const std::byte> range,
               std::unique_ptr<pinned_memory> memory) noexcept {
        unfinished_release unfinished{ring_access::first_slot(made), ring_access::slots_for(range.size()),
                                      range, std::move(memory)};
        const std::lock_guard lock(lock_); // not while the memory goes
        if (settle_release(unfinished)) return;
        deferred_.push_back(std::move(unfinished)); // reserved
        note_unsettled(true);
    }

private:
    struct unfinished_release {
        unsigned slot;
        unsigned count;
        std::span<const std::byte> range;
        std::unique_ptr<pinned_memory> memory;
        std::uint32_t rings_done = 0; // one bit for each ring
    };
    static_assert(ring_set::most_rings <= 32);

    int make_table(const ring_in_use& ring) noexcept {
        io_uring_rsrc_register request{};
        request.nr = slots_.count;
        request.flags = IORING_RSRC_REGISTER_SPARSE;
        const int result = ring.call(IORING_REGISTER_BUFFERS2, &request, sizeof request);
        if (result != -EINVAL) return result;
        const std::unique_ptr<iovec[]> empty(new (std::nothrow) iovec[slots_.count]{});
        if (empty == nullptr) return -ENOMEM; // before Linux 5.19 there is no such flag
        return ring.call(IORING_REGISTER_BUFFERS, empty.get(), slots_.count);
    }
    void remove_tables() noexcept {
        for (; tables_ != 0; --tables_)
            if (!slots_.callers_table)
                ring_in_use(*descriptors_[tables_ - 1]).call(IORING_UNREGISTER_BUFFERS, nullptr, 0);
    }

    /// Zero if the caller's table has our slots. Asks for what no kernel registers: if the table is there and
    /// large enough, that is what it complains about.
    int look_at_table(const ring_in_use& ring) noexcept {
        const int result = update(ring, slots_.first + slots_.count - 1, iovec{nullptr, 1});
        return result == -EFAULT ? 0 : result;
    }

    /// One slot; the kernel's answer to an update of several would lose the errno of the one that failed.
    static int update(const ring_in_use& ring, unsigned slot, const iovec& buffer) noexcept {
        io_uring_rsrc_update2 request{};
        request.offset = slot;
        request.data = reinterpret_cast<std::uintptr_t>(&buffer);
        request.nr = 1;
        const int result = ring.call(IORING_REGISTER_BUFFERS_UPDATE, &request, sizeof request);
        return result == 1 ? 0 : result < 0 ? result : -EIO;
    }

    struct filled {
        int error = 0;
        unsigned slots = 0;
    };
    static filled fill(const ring_in_use& ring, unsigned slot, std::span<const std::byte> range) noexcept {
        constexpr std::size_t most = ring_access::most_of_a_slot;
        filled now;
        for (std::size_t at = 0; at < range.size() && now.error == 0; at += most) {
            const iovec buffer{const_cast<std::byte*>(range.data() + at), std::min(most, range.size() - at)};
            now.error = update(ring, slot + now.slots, buffer);
            if (now.error == 0) ++now.slots;
        }
        return now;
    }

    /// Of a ring that is closed the kernel has done it.
    int clear(std::size_t ring, unsigned slot, unsigned count) noexcept {
        if (count == 0) return 0;
        const ring_in_use here(*descriptors_[ring]);
        int worst = 0;
        for (unsigned i = 0; i < count && !here.closed(); ++i)
            if (const int result = update(here, slot + i, iovec{nullptr, 0}); result < 0) worst = result;
        return worst;
    }

    /// Shares what another ring registered: no second pinning, no second charge.
    int clone(std::size_t from, const ring_in_use& to, unsigned slot, unsigned count) noexcept {
        const ring_in_use source(*descriptors_[from]);
        if (source.number() < 0) return source.number();
        const clone_buffers_request request{
            static_cast<std::uint32_t>(source.number()), clone_replaces, slot, slot, count, {}};
        return to.call(register_clone_buffers, &request, 1);
    }

    /// False if only another thread may do it: the submitter of a SINGLE_ISSUER ring.
    bool settle_release(unfinished_release& unfinished) noexcept {
        int refused = 0;
        for (std::size_t ring = 0; ring < descriptors_.size(); ++ring) {
            const std::uint32_t bit = std::uint32_t{1} << ring;
            if ((unfinished.rings_done & bit) != 0) continue;
            const int result = clear(ring, unfinished.slot, unfinished.count);
            if (result == 0) unfinished.rings_done |= bit;
            if (result < 0 && result != -EEXIST) refused = result; // the other rings let go all the same
        }
        if (refused < 0) {
            static_cast<void>(unfinished.memory.release()); // the slots stay taken, too
            report_quarantine(-refused, unfinished.range);
            return true;
        }
        if (std::popcount(unfinished.rings_done) != static_cast<int>(descriptors_.size())) return false;
        free_.give_back(unfinished.slot, unfinished.count);
        return true;
    }

    void release_deferred() noexcept override {
        if (belongs_to_parent()) return;
        const std::lock_guard lock(lock_);
        std::erase_if(deferred_, [&](unfinished_release& unfinished) { return settle_release(unfinished); });
        note_unsettled(!deferred_.empty());
    }

    void report_quarantine(int error, std::span<const std::byte> range) noexcept {
        quarantined_ = true;
        report_release_failure(
            {"io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)", errno_code(error), range});
    }

    static void explain(pin_failure& failure, int error, std::size_t charges) {
        refuse(failure, error, "io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)");
        failure.need = buffer_charge<Kernel>(failure.range) * charges;
        if (memlock_budget::read<Kernel>().explain(pin_budget::user_locked_vm, failure)) return;
        failure.need = 0;
        failure.remedy = why_not_pinned(error);
    }

    const slot_range slots_;
    std::vector<std::unique_ptr<ring_descriptor<Kernel>>> descriptors_;
    std::size_t tables_ = 0; // rings with a table, the first ones
    std::optional<pin_failure> why_unable_;
    std::mutex lock_; // guards all below and keeps calls on the rings in one order
    free_slots free_;
    std::vector<unfinished_release> deferred_;
    bool quarantined_ = false;
};

} // namespace gup::inline GUP_NAMESPACE::detail
