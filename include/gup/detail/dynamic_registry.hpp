// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The caller's memory that is pinned in the domains of one type, by address: so that the same range, or the
/// same part of a file, has one pin and one dirty state. One for a process, because mappings are per process
/// too; but of each release of gup, because a record is made of the release's own types. A domain that a user
/// wrote is one class for all releases: outside of their namespaces, two layouts would meet in one registry.
/// Memory that is pinned through two releases is two pages, each with a dirty state of its own.

#include "gup/detail/caller_range.hpp"
#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/mapping_mark.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/stand_in_store.hpp"
#include "gup/dynamic_page.hpp"

#include <boost/intrusive/set.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

template <class Domain>
class [[gnu::visibility("default")]] dynamic_registry;

/// Never destroyed: references in static objects may outlive anything.
template <class Domain>
class dynamic_registry {
    using kernel = typename Domain::kernel;
    using counting = counting_t<Domain>;

    struct provided_memory final : pinned_memory {
        explicit provided_memory(std::shared_ptr<const void> held) noexcept : keep_alive(std::move(held)) {}
        const std::shared_ptr<const void> keep_alive;
    };

    /// What is asked for.
    struct request {
        page_range pages;
        dma_access access;
        const memory_provider& provider;
    };

    /// What a dynamic page has beside its descriptor.
    struct record : boost::intrusive::set_base_hook<> {
        page_range pages;
        range_content content;
        std::unique_ptr<provided_memory> memory{}; ///< of a provider; the caller keeps his own
        typename Domain::registration pin{};
        dynamic_page* descriptor = nullptr;
        bool marked = false; ///< so that one can tell whether its memory is still there

        dynamic_stand_in& stand_in() const noexcept { return dynamic_access::stand_in_of(*descriptor); }
        /// Its last reference has gone, and whoever put that waits for our lock.
        bool over() const noexcept { return stand_in().counts().none(); }
        std::span<const std::byte> memory_range() const noexcept {
            return {reinterpret_cast<const std::byte*>(pages.begin), pages.size()};
        }
        const void* provider() const noexcept {
            return memory == nullptr ? nullptr : memory->keep_alive.get();
        }
        /// The first pin: what it counts in. The base is this itself or one of which it has a reference.
        counted& start(record& base, const request& wanted) noexcept {
            dynamic_stand_in& s = stand_in();
            s.base = &base.stand_in().own;
            s.memory = {.address = reinterpret_cast<std::byte*>(pages.begin),
                        .length = pages.size(),
                        .pfn = base.pages.begin >> pfn_shift,
                        .registration = &pin,
                        .access = wanted.access,
                        .auxiliary = wanted.provider.auxiliary};
            s.record = this;
            page_access::set_dynamic(s.own);
            const reference_kind kind = kind_of(wanted.access);
            if (!s.forwards()) {
                s.counts().start(kind);
                return page_access::counted_of(s.own);
            }
            s.base_counts().template add<counting>(kind);
            s.counts().start(reference_kind::reader);
            s.slot_of(kind).counts.start(kind);
            return s.slot_of(kind);
        }
    };
    struct first_address {
        using type = std::uintptr_t;
        type operator()(const record& r) const noexcept { return r.pages.begin; }
    };
    using record_set = boost::intrusive::set<record, boost::intrusive::key_of_value<first_address>>;

    /// One domain; of a local<> domain, what one thread has pinned.
    struct pinned_in {
        pinned_in(dynamic_registry& in, const Domain& d, const void* on)
            : registry(in), domain(d), thread(on), descriptors(this, &on_release, on) {
            handle_access::count_as_pin(domain);
        }

        dynamic_registry& registry;
        Domain domain;
        const void* const thread;
        stand_in_store<dynamic_page, kernel> descriptors;
        record_set records{};  // without those that are over; no two overlap
        std::size_t alive = 0; // with them
    };

public:
    /// The one of this process, null if there is none yet. Thread-safe.
    static dynamic_registry* existing() noexcept {
        dynamic_registry* const made = current_.load(std::memory_order_acquire);
        return made != nullptr && made->process_ == this_process() ? made : nullptr;
    }

    /// The one of this process; makes it on the first call. Thread-safe. Throws std::bad_alloc.
    static dynamic_registry& current() {
        dynamic_registry* known = current_.load(std::memory_order_acquire);
        if (known != nullptr && known->process_ == this_process()) return *known;
        std::unique_ptr<dynamic_registry> made(new dynamic_registry(known));
        if (current_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
            return *made.release();
        return *known; // another thread was first
    }

    /// A pin of the range: its word; 0, with `failure` filled, if it cannot be. Throws std::bad_alloc.
    std::uintptr_t get(Domain& domain, std::span<const std::byte> range, dma_access access,
                       const memory_provider& provider, pin_failure& failure) {
        const auto pages = whole_pages(range, kernel::page_size(), failure);
        if (!pages) return 0;
        const request wanted{*pages, access, provider};
        const std::lock_guard lock(lock_); // until the pin is there: another thread may want the same
        pinned_in* const in = find(domain);
        std::string maps;
        if (const int result = kernel::read_text("/proc/self/maps", maps); result < 0) {
            refuse(failure, -result, "reading /proc/self/maps",
                   "the kind of the memory cannot be told without it: mount /proc, or raise `ulimit -n`");
            return 0;
        }
        while (record* const r = in == nullptr ? nullptr : overlapping(*in, *pages)) {
            const memory_is now = look_again(*r, maps);
            if (now == memory_is::another || (now == memory_is::unknown && r->pages == *pages)) {
                in->records.erase(in->records.iterator_to(*r)); // who has it keeps what is pinned
                continue;
            }
            if (!check_same_range(*r, wanted, failure)) return 0;
            if (const std::uintptr_t word = try_add_pin(*r, kind_of(access)); word != 0) return word;
            if (crowded(*r, kind_of(access))) {
                refuse(failure, EMLINK, pinning_call,
                       "the memory has a million and a half references: put some");
                return 0;
            }
        }
        auto content = look_at_range(maps, *pages, access, pins_device_memory<Domain>, failure);
        if (!content) return 0;
        if (provider.keep_alive != nullptr) *content = {.all_shared = false};
        record* base = nullptr;
        if (in != nullptr && !find_base(*in, *content, wanted, maps, base, failure)) return 0;
        return add(domain, in, base, std::move(*content), wanted, failure);
    }

    /// A plain reference to what holds the address: its word; 0 if there is none.
    std::uintptr_t find(const Domain& domain, const void* address) noexcept {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        const std::lock_guard lock(lock_);
        pinned_in* const in = find(domain);
        record* const r = in == nullptr || at == UINTPTR_MAX ? nullptr : overlapping(*in, {at, at + 1});
        if (r == nullptr || !r->stand_in().counts().add_unless_free_or_crowded(reference_kind::plain))
            return 0;
        return dynamic_access::word(page_access::counted_of(r->stand_in().own));
    }

private:
    explicit dynamic_registry(const dynamic_registry* inherited) noexcept : inherited_(inherited) {}

    static const void* thread() noexcept {
        return std::is_same_v<counting, local_counting> ? this_thread_identity() : nullptr;
    }
    pinned_in* find(const Domain& domain) noexcept {
        for (const auto& in : domains_)
            if (in->thread == thread() && in->domain == domain) return in.get();
        return nullptr;
    }

    /// The first record, by address, that shares a page with the range. Takes out what is over.
    static record* overlapping(pinned_in& in, page_range pages) noexcept {
        auto at = in.records.upper_bound(pages.begin);
        if (at != in.records.begin()) --at;
        while (at != in.records.end() && at->pages.begin < pages.end) {
            record& r = *at;
            if (!intersection(r.pages, pages).empty() && !r.over()) return &r;
            at = r.over() ? in.records.erase(at) : std::next(at);
        }
        return nullptr;
    }

    /// What is mapped now at the addresses of a record, beside what it was when it was pinned.
    enum class memory_is { the_same, another, unknown };
    static memory_is look_again(const record& r, std::string_view maps) {
        if (r.memory != nullptr) return memory_is::the_same; // its provider keeps it
        if (!r.content.all_shared) {
            if (!r.marked) return memory_is::unknown;
            const bool same = mapping_marks<kernel>::current().marked(maps, r.pages);
            return same ? memory_is::the_same : memory_is::another;
        }
        pin_failure none;
        const auto now = look_at_range(maps, r.pages, dma_access::read, pins_device_memory<Domain>, none);
        return now && now->same_as(r.content) ? memory_is::the_same : memory_is::another;
    }

    /// Refuses for the sake of what is pinned.
    static bool refuse_for(const record& r, const char* what, pin_failure& failure) {
        return refuse(failure, EBUSY, pinning_call,
                      std::string(what) + " (" + std::to_string(r.pages.size()) + " bytes at " +
                          hexadecimal(r.pages.begin) + ")");
    }

    static bool check_same_range(const record& r, const request& wanted, pin_failure& failure) {
        if (r.pages != wanted.pages)
            return refuse_for(r,
                              "the range overlaps memory that is pinned: pin exactly the same range, or "
                              "put that first",
                              failure);
        if (wanted.provider.keep_alive != nullptr && wanted.provider.keep_alive.get() != r.provider())
            return refuse_for(
                r,
                "the memory is pinned, but not as its provider's, who would not be kept: put that "
                "first",
                failure);
        if (!narrows_to(r.stand_in().memory.access, wanted.access))
            return refuse_for(r,
                              "the memory is pinned with less access: put that first, or pin it with "
                              "the widest access to begin with",
                              failure);
        return true;
    }

    static bool crowded(const record& r, reference_kind pin) noexcept {
        dynamic_stand_in& s = r.stand_in();
        return s.counts().crowded() || (s.forwards() && s.slot_of(pin).counts.crowded());
    }
    /// One more pin: its word, 0 if the last reference has gone meanwhile or there is a crowd of them.
    static std::uintptr_t try_add_pin(record& r, reference_kind pin) noexcept {
        if (r.stand_in().forwards()) {
            const counted* const c = try_add_pin_to_stand_in<counting>(r.stand_in(), pin);
            return c == nullptr ? 0 : dynamic_access::word(*c);
        }
        if (!r.stand_in().counts().add_unless_free_or_crowded(pin)) return 0;
        return dynamic_access::word(page_access::counted_of(r.stand_in().own));
    }

    /// Finds the base that shows the same parts of files, if there is one. False if one shows some of them.
    static bool find_base(pinned_in& in, const range_content& content, const request& wanted,
                          std::string_view maps, record*& base, pin_failure& failure) {
        for (record& r : in.records) {
            if (r.stand_in().forwards() || r.over() || !content.overlaps(r.content)) continue;
            const auto names = file_names(maps, wanted.pages), others = file_names(maps, r.pages);
            if (!share_a_name(names, others)) continue;
            if (!content.same_as(r.content) || names != others)
                return refuse_for(r,
                                  "the range shows some of the file pages that are pinned at another "
                                  "address: pin exactly the same pages, or put that first",
                                  failure);
            if (!narrows_to(r.stand_in().memory.access, wanted.access))
                return refuse_for(r,
                                  "the same pages are pinned at another address with less access: put "
                                  "that first, or pin them with the widest access to begin with",
                                  failure);
            base = &r;
        }
        return true;
    }

    static void on_release(zone& z, counted& c) noexcept;
    /// Pins a range that is not pinned, or counts on a base that shows the same pages; null if there is none.
    std::uintptr_t add(Domain& domain, pinned_in* in, record* base, range_content content,
                       const request& wanted, pin_failure& failure);
    void end(pinned_in& in, dynamic_page& descriptor) noexcept;

    const process_identity process_ = this_process();
    [[maybe_unused]] const dynamic_registry* const inherited_; // leaked on purpose, in a forked child

    std::mutex lock_; // guards all below
    std::vector<std::unique_ptr<pinned_in>> domains_;

    static constinit inline std::atomic<dynamic_registry*> current_{nullptr};
};

/// All that may fail comes first, the pin last.
template <class Domain>
std::uintptr_t dynamic_registry<Domain>::add(Domain& domain, pinned_in* in, record* base,
                                             range_content content, const request& wanted,
                                             pin_failure& failure) {
    keep_loaded(); // even if another shared object made the registry
    std::unique_ptr<pinned_in> first;
    if (in == nullptr) {
        domains_.reserve(domains_.size() + 1);
        first = std::make_unique<pinned_in>(*this, domain, thread());
        in = first.get();
    }
    const auto give_back = [in](dynamic_page* d) { in->descriptors.give_back(*d); };
    std::unique_ptr<dynamic_page, decltype(give_back)> descriptor(in->descriptors.take(failure), give_back);
    if (descriptor == nullptr) return 0;
    auto made = std::make_unique<record>();
    made->pages = wanted.pages;
    made->content = std::move(content);
    made->descriptor = descriptor.get();
    if (const auto& kept = wanted.provider.keep_alive; kept != nullptr)
        made->memory = std::make_unique<provided_memory>(kept);
    if (base != nullptr && !base->stand_in().counts().add_unless_free(reference_kind::plain)) base = nullptr;
    if (base == nullptr) {
        auto& marks = mapping_marks<kernel>::current();
        made->marked = !made->content.all_shared && made->memory == nullptr && marks.mark(made->pages);
        auto pinned = domain.try_pin(made->memory_range(), wanted.access, failure);
        if (!pinned) {
            if (failure.kept) static_cast<void>(made->memory.release()); // a device may reach it still
            if (made->marked) marks.unmark(made->pages);
            return 0;
        }
        made->pin = std::move(*pinned);
    }

    counted& counts_in = made->start(base != nullptr ? *base : *made, wanted);
    ++in->alive;
    in->records.insert(*made);
    static_cast<void>(made.release()); // in its stand-in
    static_cast<void>(descriptor.release());
    if (first != nullptr) domains_.push_back(std::move(first)); // reserved
    return dynamic_access::word(counts_in);
}

template <class Domain>
void dynamic_registry<Domain>::on_release(zone& z, counted& c) noexcept {
    auto& in = *static_cast<pinned_in*>(zone_access::owner(z));
    if (in.registry.process_ != this_process()) return; // a forked child: the parent's business
    dynamic_page& descriptor = dynamic_access::of(&c);
    stand_in& s = dynamic_access::stand_in_of(descriptor);
    if (&c != &page_access::counted_of(s.own)) {
        static_cast<void>(drop_last_pin_of_kind<counting>(s, c));
        if (!s.counts().template drop<counting>(reference_kind::plain)) return;
    }
    in.registry.end(in, descriptor);
}

template <class Domain>
void dynamic_registry<Domain>::end(pinned_in& in, dynamic_page& descriptor) noexcept {
    dynamic_stand_in& s = dynamic_access::stand_in_of(descriptor);
    const std::unique_ptr<record> over(static_cast<record*>(s.record));
    page* const base = s.forwards() ? s.base : nullptr;
    {
        const std::lock_guard lock(lock_);
        if (over->is_linked()) {
            in.records.erase(in.records.iterator_to(*over));
            if (over->marked) mapping_marks<kernel>::current().unmark(over->pages);
        }
    }
    over->pin.release(std::move(over->memory));
    std::unique_ptr<pinned_in> last; // goes after the lock: its domain may make system calls
    {
        const std::lock_guard lock(lock_);
        in.descriptors.give_back(descriptor);
        if (--in.alive == 0) {
            auto place = domains_.begin();
            while (place->get() != &in) ++place;
            last = std::move(*place);
            domains_.erase(place);
        }
    }
    if (base != nullptr) // which keeps `in`
        drop_reference<counting>(dynamic_access::word(page_access::counted_of(*base)), reference_kind::plain);
}

} // namespace gup::inline GUP_NAMESPACE::detail
