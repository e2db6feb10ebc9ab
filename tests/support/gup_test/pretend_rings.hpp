// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A kernel policy with pretended rings: their buffer tables, what is pinned, and who may change them. For
/// what a real kernel cannot be brought to do, and to run where it has no io_uring.

#include "gup/kernel.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <thread>
#include <vector>

namespace gup_test {

/// Knows duplicates, what tells rings apart, sparse tables, updates of one slot, clones into a table, and
/// SINGLE_ISSUER. One thread at a time.
struct pretend_rings : gup::system_kernel {
    using buffer = std::shared_ptr<const iovec>; ///< clones share it
    struct ring {
        std::optional<std::vector<buffer>> table{};
        std::thread::id submitter{}; ///< the only one that may register; none for any
        const ino_t inode = ++inodes;
    };

    static inline std::map<int, std::shared_ptr<ring>> rings; ///< by descriptor
    static inline int next_fd = 1000;
    static inline ino_t inodes = 0;
    static inline int no_duplicate = 0;        ///< an errno for every duplicate to be made
    static inline int no_table = 0;            ///< an errno for every table to be made, or looked at
    static inline bool can_clone = true;       ///< since Linux 6.13
    static inline bool knows_sparse = true;    ///< since Linux 5.19
    static inline std::vector<unsigned> asked; ///< operation codes of io_uring_register
    static inline int refuse = 0;              ///< an errno for every buffer to be registered

    static void reset() {
        rings.clear();
        asked.clear();
        can_clone = knows_sparse = true;
        refuse = no_duplicate = no_table = 0;
    }
    static int make() {
        rings[next_fd] = std::make_shared<ring>();
        return next_fd++;
    }
    /// The program closes a ring, and another one has its number then.
    static void replace(int fd) { rings[fd] = std::make_shared<ring>(); }
    /// Filled slots of a ring.
    static std::set<unsigned> slots(int fd) {
        std::set<unsigned> filled;
        const auto& table = rings.at(fd)->table;
        for (unsigned slot = 0; table && slot < table->size(); ++slot)
            if ((*table)[slot] != nullptr) filled.insert(slot);
        return filled;
    }
    /// Bytes charged for all rings.
    static std::size_t pinned() {
        std::set<buffer> all;
        for (const auto& [fd, ring] : rings)
            if (ring->table) all.insert(ring->table->begin(), ring->table->end());
        std::size_t sum = 0;
        for (const auto& one : all) sum += one != nullptr ? one->iov_len : 0;
        return sum;
    }
    static std::size_t duplicates() {
        std::set<std::shared_ptr<ring>> all;
        for (const auto& [fd, ring] : rings) all.insert(ring);
        return rings.size() - all.size();
    }

    static int duplicate(int fd) {
        if (!rings.contains(fd)) return -EBADF;
        if (no_duplicate != 0) return -no_duplicate;
        rings[next_fd] = rings[fd];
        return next_fd++;
    }
    static int fstat(int fd, struct stat& file) {
        if (!rings.contains(fd)) return -EBADF;
        file.st_ino = rings[fd]->inode;
        return 0;
    }
    static int close(int fd) { return rings.erase(fd) == 1 ? 0 : -EBADF; }

    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) {
        constexpr unsigned clone_buffers = 30;
        asked.push_back(opcode);
        if (!rings.contains(fd)) return -EBADF;
        ring& r = *rings[fd];
        if (r.submitter != std::thread::id{} && r.submitter != std::this_thread::get_id()) return -EEXIST;
        switch (opcode) {
        case IORING_REGISTER_BUFFERS2:
            if (no_table != 0) return -no_table;
            if (!knows_sparse) return -EINVAL;
            return make_table(r, static_cast<const io_uring_rsrc_register*>(argument)->nr);
        case IORING_REGISTER_BUFFERS:
            return make_table(r, count);
        case IORING_UNREGISTER_BUFFERS:
            if (!r.table) return -ENXIO;
            r.table.reset();
            return 0;
        case IORING_REGISTER_BUFFERS_UPDATE:
            return update(r, *static_cast<const io_uring_rsrc_update2*>(argument));
        case clone_buffers:
            return can_clone ? clone(r, *static_cast<const std::array<std::uint32_t, 8>*>(argument))
                             : -EINVAL;
        }
        return -EINVAL;
    }

private:
    static int make_table(ring& r, unsigned slots) {
        if (r.table) return -EBUSY;
        if (slots == 0 || slots > 1U << 14) return -EINVAL;
        r.table.emplace(slots);
        return 0;
    }
    static int update(ring& r, const io_uring_rsrc_update2& request) {
        if (no_table != 0) return -no_table;
        if (!r.table) return -ENXIO;
        if (request.nr != 1 || request.offset >= r.table->size()) return -EINVAL;
        const iovec& wanted = *reinterpret_cast<const iovec*>(request.data);
        buffer& slot = (*r.table)[request.offset];
        if (wanted.iov_base == nullptr) {
            if (wanted.iov_len != 0) return -EFAULT;
            slot.reset();
            return 1;
        }
        if (refuse != 0) return -refuse;
        if (wanted.iov_len > std::size_t{1} << 30) return -EFAULT;
        slot = std::make_shared<const iovec>(wanted);
        return 1;
    }
    static int clone(ring& to, const std::array<std::uint32_t, 8>& request) {
        const auto [source_fd, flags, from, at, count, a, b, c] = request;
        const auto source = rings.find(static_cast<int>(source_fd));
        constexpr std::uint32_t replace = 2;
        if (source == rings.end()) return -EBADF;
        if (!source->second->table) return -ENXIO;
        if (to.table && flags != replace) return -EBUSY;
        if (a != 0 || b != 0 || c != 0 || from + count > source->second->table->size()) return -EINVAL;
        if (!to.table) to.table.emplace();
        if (to.table->size() < at + count) to.table->resize(at + count);
        for (unsigned i = 0; i < count; ++i) (*to.table)[at + i] = (*source->second->table)[from + i];
        return 0;
    }
};

/// The kernel of a test begins as if no other had used it.
struct fresh_kernel {
    fresh_kernel() { pretend_rings::reset(); }
};

/// A pretended ring as liburing would show it: a submission queue that the test empties as the kernel would.
class stub_ring {
public:
    explicit stub_ring(unsigned flags = 0, unsigned completions = 16) {
        handle_.ring_fd = pretend_rings::make();
        handle_.flags = flags;
        handle_.features = IORING_FEAT_CQE_SKIP;
        handle_.sq.sqes = entries_.data();
        handle_.sq.ring_entries = entries;
        handle_.sq.ring_mask = entries - 1;
        handle_.sq.khead = &taken_;
        handle_.sq.ktail = &flushed_;
        handle_.cq.ring_entries = completions;
    }
    stub_ring(const stub_ring&) = delete;
    stub_ring& operator=(const stub_ring&) = delete;

    io_uring& handle() { return handle_; }
    int fd() const { return handle_.ring_fd; }

    /// The next entry; what it held before stays in it, as with liburing.
    io_uring_sqe& entry() { return entries_[handle_.sq.sqe_tail++ & (entries - 1)]; }
    /// The kernel is shown all entries.
    void flush() { flushed_ = handle_.sq.sqe_head = handle_.sq.sqe_tail; }
    /// The kernel takes all entries.
    void submit() {
        flush();
        taken_ = handle_.sq.sqe_tail;
    }
    /// The kernel is shown all entries and takes the first `count` of them.
    void submit(unsigned count) {
        flush();
        taken_ += count;
    }

    static constexpr unsigned entries = 8;

private:
    std::array<io_uring_sqe, 2 * entries> entries_{}; // room for entries of 128 bytes
    unsigned taken_ = 0;
    unsigned flushed_ = 0;
    io_uring handle_{};
};

} // namespace gup_test
