// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The place of an io_uring_domain: which slots of its rings' buffer tables are ours, and the system calls
/// that fill and clear them on every ring.

#include "gup/detail/io_uring/ring_set.hpp"
#include "gup/detail/process.hpp"
#include "gup/error.hpp"
#include "gup/memlock_budget.hpp"
#include "gup/pin_domain.hpp"

#include <algorithm>
#include <atomic>
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
#include <thread>
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
class buffer_table final : public ring_set {
public:
    using kernel = Kernel;
    using mark = ring_mark;
    static constexpr const char* call = "io_uring_domain::pin";
    static constexpr const char* in_child =
        "this domain belongs to the parent process: make a ring and a domain of your own";

    explicit buffer_table(slot_range slots)
        : ring_set(std::random_device{}()), slots_(slots), taken_(slots.count, false) {
        deferred_.reserve(slots.count); // a release must not allocate
    }

    ~buffer_table() {
        if (process_ != this_process()) return; // a forked child: the rings and their tables are the parent's
        release_deferred();
        for (const int fd : fds_) {
            if (!slots_.callers_table && deferred_.empty() && !quarantined_)
                Kernel::io_uring_register(fd, IORING_UNREGISTER_BUFFERS, nullptr,
                                          0); // else it goes with the ring
            Kernel::close(fd);
        }
        // Deferred memory goes last: no operation is in flight on it, and the kernel has pins of its own.
    }

    /// Adds a ring and makes its table, or looks at the caller's; on failure the ring is as it was.
    bool try_add(const io_uring& ring, std::uint32_t operations, pin_failure& failure) {
        fds_.reserve(fds_.size() + 1); // what may throw comes before what would have to be undone
        add_ring(ring, operations);
        const int fd = Kernel::duplicate(ring.ring_fd);
        if (fd < 0)
            return refuse(failure, -fd, "fcntl(F_DUPFD_CLOEXEC) of a ring",
                          fd == -EBADF
                              ? "make the ring first (io_uring_queue_init), and keep its descriptor open"
                              : "raise `ulimit -n`");
        if (const int result = slots_.callers_table ? look_at_table(fd) : make_table(fd); result < 0) {
            Kernel::close(fd);
            return refuse(failure, -result,
                          slots_.callers_table ? "io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)"
                                               : "io_uring_register(IORING_REGISTER_BUFFERS2)",
                          why_no_table(result));
        }
        fds_.push_back(fd); // reserved
        return true;
    }

    /// Registers a range as one fixed buffer, split only at whole GiB, on every ring or on none. io_uring
    /// pins for writing whatever the access.
    std::optional<ring_mark> try_pin(std::span<const std::byte> range, dma_access, pin_failure& failure) {
        settle();
        const unsigned count = ring_access::slots_for(range.size());
        const std::lock_guard lock(lock_);
        const auto slot = find_slots(count);
        if (!slot) {
            refuse(failure, ENOSPC, "io_uring buffer table",
                   "no run of " + std::to_string(count) +
                       " free slots is left: raise io_uring_options::slots");
            return std::nullopt;
        }
        std::size_t ring = 0;
        filled now = fill(fds_[0], *slot, range);
        while (now.error == 0 && ++ring < fds_.size())
            if (clone(fds_[ring], *slot, count) < 0) now = fill(fds_[ring], *slot, range);
        set_taken(*slot, count, true);
        if (now.error == 0) return ring_mark(*this, range, *slot);
        bool undone = clear(fds_[ring], *slot, now.slots) == 0;
        while (ring-- > 0) undone = clear(fds_[ring], *slot, count) == 0 && undone;
        if (undone)
            set_taken(*slot, count, false);
        else
            report_quarantine(-now.error, range);
        explain(failure, -now.error);
        return std::nullopt;
    }

    /// Clears the slots of a range on every ring, then lets go of its memory.
    void unpin(const ring_mark& made, std::span<const std::byte> range,
               std::unique_ptr<pinned_memory> memory) noexcept {
        const std::lock_guard lock(lock_);
        unfinished_release unfinished{ring_access::first_slot(made), ring_access::slots_for(range.size()),
                                      range, std::move(memory)};
        if (settle_release(unfinished)) return;
        deferred_.push_back(std::move(unfinished)); // reserved
        note_deferred();
    }

private:
    struct unfinished_release {
        unsigned slot;
        unsigned count;
        std::span<const std::byte> range;
        std::unique_ptr<pinned_memory> memory;
        std::uint32_t rings_done = 0; // one bit for each ring
    };
    static_assert(most_rings <= 32);

    int make_table(int fd) noexcept {
        io_uring_rsrc_register request{};
        request.nr = slots_.count;
        request.flags = IORING_RSRC_REGISTER_SPARSE;
        const int result = Kernel::io_uring_register(fd, IORING_REGISTER_BUFFERS2, &request, sizeof request);
        if (result != -EINVAL) return result;
        const std::unique_ptr<iovec[]> empty(new (std::nothrow) iovec[slots_.count]{});
        if (empty == nullptr) return -ENOMEM; // before Linux 5.19 there is no such flag
        return Kernel::io_uring_register(fd, IORING_REGISTER_BUFFERS, empty.get(), slots_.count);
    }

    /// Zero if the caller's table has our slots. Asks for what no kernel registers: if the table is there and
    /// large enough, that is what it complains about.
    int look_at_table(int fd) noexcept {
        const int result = update(fd, slots_.first + slots_.count - 1, iovec{nullptr, 1});
        return result == -EFAULT ? 0 : result;
    }

    const char* why_no_table(int result) const noexcept {
        if (result == -EEXIST)
            return "this ring is IORING_SETUP_SINGLE_ISSUER: make the domain on the thread that submits";
        if (result == -EBUSY)
            return "this ring has a buffer table already: lend the domain some of its slots with "
                   "io_uring_options::first_slot";
        if (slots_.callers_table && result == -ENXIO)
            return "this ring has no buffer table: register one, or leave io_uring_options::first_slot empty";
        if (slots_.callers_table && result == -EINVAL)
            return "the ring's buffer table ends before io_uring_options::first_slot + slots: register a "
                   "larger one";
        return result == -ENOMEM ? "the kernel has no memory for the table: lower io_uring_options::slots"
                                 : "";
    }

    /// One slot; the kernel's answer to an update of several would lose the errno of the one that failed.
    static int update(int fd, unsigned slot, const iovec& buffer) noexcept {
        io_uring_rsrc_update2 request{};
        request.offset = slot;
        request.data = reinterpret_cast<std::uintptr_t>(&buffer);
        request.nr = 1;
        const int result =
            Kernel::io_uring_register(fd, IORING_REGISTER_BUFFERS_UPDATE, &request, sizeof request);
        return result == 1 ? 0 : result < 0 ? result : -EIO;
    }

    struct filled {
        int error = 0;
        unsigned slots = 0;
    };
    static filled fill(int fd, unsigned slot, std::span<const std::byte> range) noexcept {
        constexpr std::size_t most = ring_access::most_of_a_slot;
        filled now;
        for (std::size_t at = 0; at < range.size() && now.error == 0; at += most) {
            const iovec buffer{const_cast<std::byte*>(range.data() + at), std::min(most, range.size() - at)};
            now.error = update(fd, slot + now.slots, buffer);
            if (now.error == 0) ++now.slots;
        }
        return now;
    }

    static int clear(int fd, unsigned slot, unsigned count) noexcept {
        int worst = 0;
        for (unsigned i = 0; i < count; ++i)
            if (const int result = update(fd, slot + i, iovec{nullptr, 0}); result < 0) worst = result;
        return worst;
    }

    /// Shares what the first ring registered: no second pinning, no second charge.
    int clone(int fd, unsigned slot, unsigned count) noexcept {
        const clone_buffers_request request{
            static_cast<std::uint32_t>(fds_[0]), clone_replaces, slot, slot, count, {}};
        return Kernel::io_uring_register(fd, register_clone_buffers, &request, 1);
    }

    /// False if only another thread may do it: the submitter of a SINGLE_ISSUER ring.
    bool settle_release(unfinished_release& unfinished) noexcept {
        int refused = 0;
        for (std::size_t ring = 0; ring < fds_.size(); ++ring) {
            const std::uint32_t bit = std::uint32_t{1} << ring;
            if ((unfinished.rings_done & bit) != 0) continue;
            const int result = clear(fds_[ring], unfinished.slot, unfinished.count);
            if (result == 0) unfinished.rings_done |= bit;
            if (result < 0 && result != -EEXIST) refused = result; // the other rings let go all the same
        }
        if (refused < 0) {
            static_cast<void>(unfinished.memory.release()); // the slots stay taken, too
            report_quarantine(-refused, unfinished.range);
            return true;
        }
        if (std::popcount(unfinished.rings_done) != static_cast<int>(fds_.size())) return false;
        set_taken(unfinished.slot, unfinished.count, false);
        return true;
    }

    void release_deferred() noexcept override {
        if (process_ != this_process()) return;
        const std::lock_guard lock(lock_);
        std::erase_if(deferred_, [&](unfinished_release& unfinished) { return settle_release(unfinished); });
        note_deferred();
    }

    void note_deferred() noexcept {
        refused_on_.store(deferred_.empty() ? std::thread::id{} : std::this_thread::get_id(),
                          std::memory_order_relaxed);
        unsettled_.store(!deferred_.empty(), std::memory_order_relaxed);
    }

    void report_quarantine(int error, std::span<const std::byte> range) noexcept {
        quarantined_ = true;
        report_release_failure(
            {"io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)", errno_code(error), range});
    }

    std::optional<unsigned> find_slots(unsigned count) const noexcept {
        const auto run = std::search_n(taken_.begin(), taken_.end(), count, false);
        if (run == taken_.end()) return std::nullopt;
        return slots_.first + static_cast<unsigned>(run - taken_.begin());
    }
    void set_taken(unsigned slot, unsigned count, bool taken) noexcept {
        std::fill_n(taken_.begin() + (slot - slots_.first), count, taken);
    }
    static void explain(pin_failure& failure, int error) {
        refuse(failure, error, "io_uring_register(IORING_REGISTER_BUFFERS_UPDATE)");
        failure.need = failure.range.size();
        if (memlock_budget::read<Kernel>().explain(pin_budget::user_locked_vm, failure)) return;
        failure.need = 0;
        failure.remedy = why_not_pinned(error);
    }
    static const char* why_not_pinned(int error) noexcept {
        switch (error) {
        case EFAULT:
            return "the kernel pins only readable and writable memory that is anonymous or a memfd: no "
                   "holes, no "
                   "read-only mappings, no shared files, no memfd_secret";
        case EOPNOTSUPP:
            return "memory of a DAX file system cannot be registered: copy to ordinary memory";
        case EEXIST:
            return "this ring is IORING_SETUP_SINGLE_ISSUER: pin on the thread that submits";
        case ENXIO:
            return "the ring's buffer table is gone: it must stay as long as the domain has pools";
        case ENOMEM:
            return "the kernel is short of memory: make the pool smaller";
        default:
            return "";
        }
    }

    const process_identity process_ = this_process();
    const slot_range slots_;
    std::vector<int> fds_; // duplicates: whatever the caller closes, these numbers stay ours
    std::mutex lock_;      // guards all below and keeps calls on the rings in one order
    std::vector<bool> taken_;
    std::vector<unfinished_release> deferred_;
    bool quarantined_ = false;
};

} // namespace gup::inline GUP_NAMESPACE::detail
