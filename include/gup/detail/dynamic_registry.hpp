// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The caller's memory that is pinned in the domains of one type, by address: so that the same range, or the
/// same part of a file, has one pin and one dirty state. One for a process, because mappings are per process
/// too; but of each release of gup, because a record is made of the release's own types. A domain that a user
/// wrote is one class for all releases: outside of their namespaces, two layouts would meet in one registry.
/// Memory that is pinned through two releases is two pages, each with a dirty state of its own.
///
/// The lock is held for look-ups only, never while the kernel or a domain is asked. A range is listed before
/// it is pinned and until it is unpinned, both without a reference: who wants any of it waits for its thread.
/// That waits for others only before it is listed by its parts of files, so that none of them waits for it.

#include "gup/detail/dynamic_records.hpp"
#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/mapping_mark.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/uncancelled.hpp"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// Never destroyed: references in static objects may outlive anything.
template <class Domain>
class dynamic_registry {
    using kernel = typename Domain::kernel;
    using counting = counting_t<Domain>;
    using guard = std::unique_lock<std::mutex>;
    using records = dynamic_records<Domain>;
    using record = dynamic_record<Domain>;
    using holder = record_holder<Domain>;

    /// Undoes whatever was done for a record that has no references. Not under the lock, which `end` takes.
    struct let_go {
        void operator()(record* over) const noexcept { over->owner.registry.end(*over); }
    };
    using listed_record = std::unique_ptr<record, let_go>;

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

    /// A pin of the range: its word; 0, with `failure` filled, if it cannot be. Throws std::bad_alloc, and
    /// what the domain throws.
    std::uintptr_t get(Domain& domain, std::span<const std::byte> range, dma_access access,
                       const memory_provider& provider, pin_failure& failure) {
        const auto pages = whole_pages(range, kernel::page_size(), failure);
        if (!pages) return 0;
        keep_loaded(); // even if another shared object made the registry
        const pin_request wanted{*pages, access, provider};
        guard lock(lock_);
        while (record* const r = find_record(domain, *pages)) {
            if (r->changing()) {
                if (!wait_for(*r, lock, failure)) return 0;
            } else if (const auto word = get_again(*r, wanted, lock, failure)) {
                return *word;
            }
        }
        listed_record made(list(domain, *pages, failure));
        lock.unlock();
        return made == nullptr ? 0 : pin(domain, made, wanted, failure);
    }

    /// A plain reference to what holds the address: its word; 0 if there is none.
    std::uintptr_t find(const Domain& domain, const void* address) noexcept {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        if (at == UINTPTR_MAX) return 0;
        const std::lock_guard lock(lock_);
        const record* const r = find_record(domain, {at, at + 1});
        return r == nullptr || r->stand_in().counts().crowded() ? 0 : r->try_add_plain();
    }

private:
    explicit dynamic_registry(const dynamic_registry* inherited) noexcept : inherited_(inherited) {}

    static const void* owning_thread() noexcept {
        return std::is_same_v<counting, local_counting> ? this_thread_identity() : nullptr;
    }
    records* find_domain(const Domain& domain) noexcept {
        for (const auto& in : domains_)
            if (in->thread == owning_thread() && in->domain == domain) return in.get();
        return nullptr;
    }
    record* find_record(const Domain& domain, page_range pages) noexcept {
        records* const in = find_domain(domain);
        return in == nullptr ? nullptr : in->find(pages);
    }
    /// A record of a range that no other shares a page with, as dynamic_records::list.
    record* list(const Domain& domain, page_range pages, pin_failure& failure) {
        domains_.reserve(domains_.size() + 1);
        records* in = find_domain(domain);
        std::unique_ptr<records> first;
        if (in == nullptr) {
            first = std::make_unique<records>(*this, domain, owning_thread(), &on_release);
            in = first.get();
        }
        record* const made = in->list(pages, failure);
        if (made != nullptr && first != nullptr) domains_.push_back(std::move(first)); // reserved
        return made;
    }
    /// Waits until any record has changed; the caller looks again. False if it is the caller's
    /// own thread that pins or unpins it, farther up its stack.
    bool wait_for(const record& r, guard& lock, pin_failure& failure) {
        if (r.changed_by.load(std::memory_order_relaxed) == this_thread_identity())
            return r.refuse(
                "the memory is being pinned or unpinned by the function that pins it here: pin it "
                "before or after that",
                failure);
        const uncancelled waits;
        changed_.wait(lock);
        return true;
    }

    std::optional<std::uintptr_t> get_again(record& r, const pin_request& wanted, guard& lock,
                                            pin_failure& failure);
    std::uintptr_t pin(Domain& domain, listed_record& made, const pin_request& wanted, pin_failure& failure);
    std::optional<holder> find_base(record& made, const pin_request& wanted, pin_failure& failure);
    static void on_release(zone& z, counted& c) noexcept;
    void end(record& ended) noexcept;

    const process_identity process_ = this_process();
    [[maybe_unused]] const dynamic_registry* const inherited_; // leaked on purpose, in a forked child

    std::mutex lock_; // guards all below
    std::condition_variable changed_;
    std::vector<std::unique_ptr<records>> domains_;

    static constinit inline std::atomic<dynamic_registry*> current_{nullptr};
};

/// One more pin of a record: its word, or 0 with `failure` filled; nothing if it has changed meanwhile.
template <class Domain>
std::optional<std::uintptr_t> dynamic_registry<Domain>::get_again(record& r, const pin_request& wanted,
                                                                  guard& lock, pin_failure& failure) {
    const reference_kind pin_kind = kind_of(wanted.access);
    bool fits = r.check_same_range(wanted, failure);
    std::uintptr_t word = fits ? r.try_add_pin(pin_kind) : 0;
    if (fits && word == 0 && r.crowded(pin_kind))
        fits =
            refuse(failure, EMLINK, pinning_call, "the memory has a million and a half references: put some");
    if (!fits) word = r.try_add_plain();
    if (word == 0) return std::nullopt;
    lock.unlock();
    {
        holder held(r, word, fits ? pin_kind : reference_kind::plain);
        const auto now = r.look_again(failure);
        if (!now) return 0;
        if (now == memory_is::the_same || (now == memory_is::unknown && r.pages != wanted.pages))
            return fits ? held.release() : 0;
        lock.lock();
        r.owner.unlist(r); // who has it keeps what is pinned
        lock.unlock();
    }
    failure = {.range = failure.range};
    lock.lock();
    return std::nullopt;
}

/// Pins what a new record is of, or counts on a base that shows the same pages: its word, or 0. Whatever
/// fails, or throws, is undone with the record.
template <class Domain>
std::uintptr_t dynamic_registry<Domain>::pin(Domain& domain, listed_record& made, const pin_request& wanted,
                                             pin_failure& failure) {
    std::string maps;
    if (!read_maps<kernel>(wanted.pages, maps, failure)) return 0;
    auto content = look_at_range(maps, wanted.pages, wanted.access, pins_device_memory<Domain>, failure);
    if (!content) return 0;
    if (const auto& kept = wanted.provider.keep_alive; kept != nullptr) {
        made->memory = std::make_unique<typename record::provided_memory>(kept);
        made->provider = kept.get();
        *content = {.all_shared = false};
    }
    made->content = std::move(*content);
    auto base = find_base(*made, wanted, failure);
    if (!base) return 0;
    if (!*base) {
        made->marked = !made->content.all_shared && made->memory == nullptr &&
                       mapping_marks<kernel>::current().mark(made->pages);
        auto pinned = domain.try_pin(made->memory_range(), wanted.access, failure);
        if (!pinned) {
            if (failure.kept) static_cast<void>(made->memory.release()); // a device may reach it still
            return 0;
        }
        made->pin = std::move(*pinned);
    }

    guard lock(lock_);
    if (*base) made->owner.unlist_parts(*made);
    made->changed_by.store(nullptr, std::memory_order_relaxed);
    counted& counts_in = made->start(*base ? base->held() : *made, wanted);
    static_cast<void>(made.release()); // both in its stand-in
    static_cast<void>(base->release());
    lock.unlock();
    changed_.notify_all();
    return dynamic_access::word(counts_in);
}

/// A reference to what has a pin of the same parts of files; an empty one if nothing has. Nothing, with
/// `failure` filled, if something shows some of them. From now on other threads find the new record by its
/// parts.
template <class Domain>
auto dynamic_registry<Domain>::find_base(record& made, const pin_request& wanted, pin_failure& failure)
    -> std::optional<holder> {
    holder none;
    if (made.content.shared.empty()) return none;
    decltype(made.parts) parts;
    parts.reserve(made.content.shared.size());
    for (const shared_part& part : made.content.shared) parts.emplace_back(part, made);
    std::vector<holder> candidates;
    {
        guard lock(lock_);
        while (const record* const changing = made.owner.hold_overlapping(made, candidates))
            if (!wait_for(*changing, lock, failure)) return std::nullopt;
        made.owner.list_parts(made, std::move(parts));
    }
    for (holder& candidate : candidates) {
        const record& other = candidate.held();
        const auto names = compare_file_names<kernel>(made.pages, other.pages, failure);
        if (!names) return std::nullopt;
        if (*names == file_names_are::apart) continue;
        const bool same = *names == file_names_are::the_same;
        if (!other.check_same_content(made.content, same, wanted.access, failure)) return std::nullopt;
        return std::move(candidate);
    }
    return none;
}

template <class Domain>
void dynamic_registry<Domain>::on_release(zone& z, counted& c) noexcept {
    auto& in = *static_cast<records*>(zone_access::owner(z));
    if (in.registry.process_ != this_process()) return; // a forked child: the parent's business
    dynamic_stand_in& s = dynamic_access::stand_in_of(dynamic_access::of(&c));
    if (&c != &page_access::counted_of(s.own)) {
        static_cast<void>(drop_last_pin_of_kind<counting>(s, c));
        if (!s.counts().template drop<counting>(reference_kind::plain)) return;
    }
    page* const base = s.forwards() ? s.base : nullptr;
    auto& over = *static_cast<record*>(s.record);
    over.changed_by.store(this_thread_identity(), std::memory_order_relaxed);
    in.registry.end(over);
    if (base != nullptr) // which keeps `in`
        drop_reference<counting>(dynamic_access::word(page_access::counted_of(*base)), reference_kind::plain);
}

/// Undoes what was done for a record; its range is free when the domain has let go of it.
template <class Domain>
void dynamic_registry<Domain>::end(record& ended) noexcept {
    const std::unique_ptr<record> over(&ended);
    records& in = over->owner;
    if (over->marked && over->listed) mapping_marks<kernel>::current().unmark(over->pages);
    over->pin.release(std::move(over->memory));
    std::unique_ptr<records> last; // goes after the lock: its domain may make system calls
    {
        const std::lock_guard lock(lock_);
        if (in.end(*over)) {
            auto place = domains_.begin();
            while (place->get() != &in) ++place;
            last = std::move(*place);
            domains_.erase(place);
        }
    }
    changed_.notify_all();
}

} // namespace gup::inline GUP_NAMESPACE::detail
