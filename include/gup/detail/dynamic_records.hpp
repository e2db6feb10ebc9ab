// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// All that is pinned in one domain, by its addresses and by the parts of files that it shows. Under the lock
/// of the registry that has it.

#include "gup/detail/dynamic_record.hpp"
#include "gup/detail/stand_in_store.hpp"

#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

template <class Domain>
class [[gnu::visibility("default")]] dynamic_registry;

/// Of a local<> domain, what one thread has pinned.
template <class Domain>
struct dynamic_records {
    using record = dynamic_record<Domain>;
    using holder = record_holder<Domain>;

    dynamic_records(dynamic_registry<Domain>& in, const Domain& d, const void* on,
                    zone_access::release_function on_release)
        : registry(in), domain(d), thread(on), descriptors_(this, on_release, on) {
        handle_access::count_as_pin(domain);
    }

    dynamic_registry<Domain>& registry;
    Domain domain;
    const void* const thread;

    /// The first record, by address, that shares a page with the range.
    record* find(page_range pages) noexcept {
        auto at = by_address_.upper_bound(pages.begin);
        if (at != by_address_.begin() && std::prev(at)->pages.end > pages.begin) --at;
        return at != by_address_.end() && at->pages.begin < pages.end ? &*at : nullptr;
    }
    /// Takes a reference to each record that shows part of what a new one shows, until one is changing, which
    /// it returns; null if none is.
    record* hold_overlapping(const record& made, std::vector<holder>& found) {
        const auto hold = [&found](record& r) {
            for (const holder& h : found)
                if (&h.held() == &r) return false;
            found.reserve(found.size() + 1);
            const std::uintptr_t word = r.try_add_plain();
            if (word != 0) found.emplace_back(r, word, reference_kind::plain);
            return word == 0;
        };
        for (const shared_part& part : made.content.shared)
            if (record* const changing = by_part_.find_overlapping(part, hold)) return changing;
        return nullptr;
    }

    /// A record of a range that no other shares a page with: from now on it is the caller's to pin. Null,
    /// with `failure` filled, if there is no memory for it.
    record* list(page_range pages, pin_failure& failure) {
        auto made = std::make_unique<record>(*this, pages);
        pin_failure no_memory;
        made->descriptor = descriptors_.take(no_memory);
        if (made->descriptor == nullptr) return failure = std::move(no_memory), nullptr;
        by_address_.insert(*made);
        ++alive_;
        return made.release();
    }
    void list_parts(record& r, typename record::part_list parts) noexcept {
        r.parts = std::move(parts);
        for (auto& part : r.parts) by_part_.insert(part);
    }
    void unlist_parts(record& r) noexcept {
        for (auto& part : r.parts) by_part_.erase(part);
        r.parts.clear();
    }
    /// From now on others may list its range.
    void unlist(record& r) noexcept {
        if (!std::exchange(r.listed, false)) return;
        by_address_.erase(by_address_.iterator_to(r));
        unlist_parts(r);
    }
    /// Unlists a record without references; true if it was the last.
    [[nodiscard]] bool end(record& over) noexcept {
        unlist(over);
        descriptors_.give_back(*over.descriptor);
        return --alive_ == 0;
    }

private:
    struct first_address {
        using type = std::uintptr_t;
        type operator()(const record& r) const noexcept { return r.pages.begin; }
    };

    stand_in_store<dynamic_page, typename Domain::kernel> descriptors_;
    // no two overlap
    boost::intrusive::set<record, boost::intrusive::key_of_value<first_address>> by_address_{};
    shared_part_index<record> by_part_{};
    std::size_t alive_ = 0; // records, with those that are not listed any more
};

} // namespace gup::inline GUP_NAMESPACE::detail
