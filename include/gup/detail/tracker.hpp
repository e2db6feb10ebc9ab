// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a pool of a tracked domain keeps: a node for each reference that is out, which says where it was got,
/// and a second mapping of the pool's memory, in which only pages that somebody holds are accessible.

#include "gup/detail/absent_memory.hpp"
#include "gup/detail/fault_report.hpp"
#include "gup/detail/magazine.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/reference_verbs.hpp"
#include "gup/detail/stand_in_store.hpp"
#include "gup/detail/userfault.hpp"
#include "gup/detail/vma.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/userfaultfd.h>
#include <mutex>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <sys/mman.h>

namespace gup::inline GUP_NAMESPACE::detail {

/// What a tracked reference leads to: it stands in front of the page for this one reference.
struct tracked_stand_in : viewed_stand_in {
    call_site got{};
    call_site put{};
    reference_kind kind = reference_kind::plain;
};
static_assert(sizeof(tracked_stand_in) == 2 * alignof(stand_in));

/// The nodes and views of one pool. Thread-safe from `init` on. Lives as long as the pool's memory.
template <class Kernel, class Counting>
class tracker {
public:
    tracker() noexcept
        : nodes_(this, &on_release,
                 std::is_same_v<Counting, local_counting> ? this_thread_identity() : nullptr) {}
    tracker(const tracker&) = delete;
    tracker& operator=(const tracker&) = delete;
    ~tracker() {
        if (watched_ != nullptr) unwatch(*watched_);
        if (userfault_ >= 0) Kernel::close(userfault_);
        if (views_.empty()) return;
        if (const int result = Kernel::munmap(views_.data(), views_.size()); result < 0)
            report_release_failure({"munmap of the views of a tracked pool", errno_code(-result), views_});
    }

    /// Maps the pool's memory, a memfd of its own, once more, and keeps it from children if that is
    /// `left_out`. False, with `failure` filled, if that cannot be. Throws std::bad_alloc.
    bool init(std::span<std::byte> memory, int memfd, unsigned page_shift, bool left_out,
              pin_failure& failure) {
        if ((std::size_t{1} << page_shift) < Kernel::page_size())
            return refuse(failure, EINVAL, "page_pool",
                          "the kernel protects memory in pages of " + std::to_string(Kernel::page_size()) +
                              " bytes: a tracked pool's must not be smaller");
        memory_ = memory;
        page_shift_ = page_shift;
        history_.resize(memory.size() >> page_shift);
        const std::intptr_t address = Kernel::mmap(memory.size(), PROT_NONE, MAP_SHARED, memfd);
        if (address < 0) {
            failure.range = memory;
            const auto mappings = explain_map_count<Kernel>();
            return refuse(failure, static_cast<int>(-address), "mmap of the views of a tracked pool",
                          mappings.empty() ? "a tracked pool maps its memory twice: see `ulimit -v`"
                                           : mappings);
        }
        views_ = {reinterpret_cast<std::byte*>(address), memory.size()};
        tracked_stand_in* const node =
            nodes_.take(failure); // the verbs can refuse nothing: memory for the first
        if (node == nullptr) return false;
        nodes_.give_back(*node);
        if (left_out)
            if (const int result = Kernel::madvise(views_.data(), views_.size(), MADV_DONTFORK); result < 0)
                return refuse(failure, -result, "madvise(MADV_DONTFORK)");
        userfault_ = watch_absent();
        watched_ = &watch(views_, page_shift, history_.data(), userfault_);
        return true;
    }

    /// The word of the first reference to a page that its finder owns alone.
    std::uintptr_t first(page& p, reference_kind kind, const call_site& where) noexcept {
        protect(p, PROT_READ | PROT_WRITE);
        if (userfault_ >= 0) bring_in(p, where);
        page_access::counts(p).start(kind);
        return lead(p, kind, where);
    }
    /// The word of a reference that the page counts already. Without memory for its node the program ends.
    std::uintptr_t lead(page& p, reference_kind kind, const call_site& where) noexcept {
        const slow_turn turn;
        const std::lock_guard lock(lock_);
        tracked_stand_in* const node = try_take();
        if (node == nullptr) rule_broken("no memory is left to track a reference with");
        node->base = &p;
        node->got = where;
        node->put = {};
        node->kind = kind;
        node->view = view_of(p);
        node->counts().start(kind);
        return reinterpret_cast<std::uintptr_t>(&node->own) | reference_word::tracked_tag;
    }
    /// One more reference for the holder of a tracked one.
    static std::uintptr_t another(std::uintptr_t word, reference_kind kind, const call_site& where) noexcept {
        check_thread<Counting>(word);
        page& base = page_of(word);
        page_access::counts(base).template add<Counting>(kind);
        counted& node = counted_of(word);
        auto& self = *static_cast<tracker*>(zone_access::owner(zone::of(&node)));
        if (self.process_ == this_process()) return self.lead(base, kind, where);
        // a forked child: a thread that it does not have may hold the lock, so both share a node
        node.counts.template add<Counting>(kind);
        return word;
    }
    static void note_put(std::uintptr_t word, const call_site& where) noexcept {
        static_cast<tracked_stand_in&>(stand_in_of(word)).put = where;
    }

    /// An address in the views as one in the pool's memory; others as they are.
    std::uintptr_t canonical(std::uintptr_t address) const noexcept {
        const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(views_.data());
        return offset < views_.size() ? reinterpret_cast<std::uintptr_t>(memory_.data()) + offset : address;
    }

    /// Calls `look` with each node of a reference that is out.
    template <class Look>
    void for_each(Look look) {
        if (process_ != this_process()) return; // nor is its lock ours
        const slow_turn turn;
        const std::lock_guard lock(lock_);
        nodes_.for_each([&](const tracked_stand_in& node) {
            if (!node.counts().none()) look(node);
        });
    }

private:
    tracked_stand_in* try_take() noexcept {
        return unless_out_of_memory(
            [&] {
                pin_failure failure;
                return nodes_.take(failure);
            },
            []() -> tracked_stand_in* { return nullptr; });
    }

    static void on_release(zone& z, counted& c) noexcept {
        auto& self = *static_cast<tracker*>(zone_access::owner(z));
        if (self.process_ != this_process()) return; // a forked child: the parent's business
        auto& node = static_cast<tracked_stand_in&>(stand_in::of(&c));
        page& base = *node.base;
        const reference_kind kind = node.kind;
        {
            const slow_turn turn;
            const std::lock_guard lock(self.lock_);
            self.history_[self.place_of(base)] = {.got = node.got, .put = node.put};
            self.nodes_.give_back(node);
        }
        if (!page_access::counts(base).template drop<Counting>(kind)) return;
        self.protect(base, PROT_NONE); // nobody can get it before it is given back
        release_counted(page_access::counted_of(base));
    }

    /// Has pages that are absent from the views raise SIGBUS: the userfaultfd, -1 where that cannot be.
    int watch_absent() noexcept {
        const int fd = open_userfault<Kernel>(UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MINOR_SHMEM);
        if (fd < 0) return -1;
        uffdio_register request{};
        request.range = {reinterpret_cast<std::uintptr_t>(views_.data()), views_.size()};
        request.mode = UFFDIO_REGISTER_MODE_MINOR;
        if (Kernel::ioctl(fd, UFFDIO_REGISTER, &request) == 0) return fd;
        Kernel::close(fd);
        return -1;
    }
    /// Has a page in the views that its new holder may touch: what is absent then was given back.
    void bring_in(const page& p, const call_site& where) noexcept {
        const auto view = view_of(p);
        const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(zone::of(&p).address_of(&p));
        populate<Kernel>({begin, begin + view.size()}, MADV_POPULATE_WRITE);
        {
            const slow_turn turn;
            const std::lock_guard lock(lock_);
            history_[place_of(p)] = {.got = where, .put = {}, .out = true};
        }
        if (map_absent(userfault_, reinterpret_cast<std::uintptr_t>(view.data()), view.size()) == 0) return;
        uffdio_range all{reinterpret_cast<std::uintptr_t>(views_.data()), views_.size()};
        Kernel::ioctl(userfault_, UFFDIO_UNREGISTER, &all); // rather nothing than a wrong report
    }

    std::size_t place_of(const page& p) const noexcept {
        return static_cast<std::size_t>(zone::of(&p).address_of(&p) - memory_.data()) >> page_shift_;
    }
    std::span<std::byte> view_of(const page& p) const noexcept {
        return views_.subspan(place_of(p) << page_shift_, std::size_t{1} << page_shift_);
    }
    void protect(const page& p, int protection) noexcept {
        const auto view = view_of(p);
        if (const int result = Kernel::mprotect(view.data(), view.size(), protection); result < 0)
            rule_broken("a tracked pool has more pages than the kernel can protect apart: raise "
                        "vm.max_map_count, or make the pool smaller");
    }

    std::span<std::byte> memory_;
    std::span<std::byte> views_;
    unsigned page_shift_ = 0;
    std::vector<page_history> history_;
    watched_views* watched_ = nullptr;
    int userfault_ = -1;
    const process_identity process_ = this_process();
    std::mutex lock_; // guards the nodes and the history
    stand_in_store<tracked_stand_in, Kernel> nodes_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
