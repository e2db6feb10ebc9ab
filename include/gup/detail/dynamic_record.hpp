// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a dynamic page has beside its descriptor: its pin, and what the registry must know to tell whether
/// another range is the same memory.

#include "gup/detail/caller_range.hpp"
#include "gup/detail/mapping_mark.hpp"
#include "gup/detail/shared_part_index.hpp"
#include "gup/dynamic_page.hpp"

#include <boost/intrusive/set.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gup::inline GUP_NAMESPACE::detail {

/// What is asked for.
struct pin_request {
    page_range pages;
    dma_access access;
    const memory_provider& provider;
};

/// What is mapped at the addresses of a record.
enum class memory_is { the_same, another, unknown };

template <class Domain>
struct dynamic_records;

template <class Domain>
struct dynamic_record : boost::intrusive::set_base_hook<> {
    using counting = counting_t<Domain>;
    using part_list = std::vector<typename shared_part_index<dynamic_record>::entry>;

    struct provided_memory final : pinned_memory {
        explicit provided_memory(std::shared_ptr<const void> held) noexcept : keep_alive(std::move(held)) {}
        const std::shared_ptr<const void> keep_alive;
    };

    dynamic_record(dynamic_records<Domain>& in, page_range range) noexcept : owner(in), pages(range) {}

    dynamic_records<Domain>& owner;
    const page_range pages;
    dynamic_page* descriptor = nullptr;
    std::atomic<const void*> changed_by{
        this_thread_identity()}; ///< the thread that pins or unpins it; else null
    range_content content{};
    std::unique_ptr<provided_memory> memory{}; ///< of a provider; the caller keeps his own
    const void* provider = nullptr; ///< of `memory`, which the thread that unpins it takes without the lock
    typename Domain::registration pin{};
    bool marked = false; ///< so that one can tell whether its memory is still there
    bool listed = true;  ///< until it goes, or other memory is found at its addresses
    part_list parts{};   ///< in their index while it is not known to count on a base

    dynamic_stand_in& stand_in() const noexcept { return dynamic_access::stand_in_of(*descriptor); }
    /// Not pinned yet, or its last reference has gone and it is unpinned: whoever wants the range waits.
    bool changing() const noexcept { return stand_in().counts().none(); }
    std::span<const std::byte> memory_range() const noexcept {
        return {reinterpret_cast<const std::byte*>(pages.begin), pages.size()};
    }

    /// A plain reference to it; 0 if it is changing.
    std::uintptr_t try_add_plain() const noexcept {
        if (!stand_in().counts().add_unless_free(reference_kind::plain)) return 0;
        return dynamic_access::word(page_access::counted_of(stand_in().own));
    }
    bool crowded(reference_kind pin_kind) const noexcept {
        dynamic_stand_in& s = stand_in();
        return s.counts().crowded() || (s.forwards() && s.slot_of(pin_kind).counts.crowded());
    }
    /// One more pin: its word; 0 if it is changing or there is a crowd of them.
    std::uintptr_t try_add_pin(reference_kind pin_kind) const noexcept {
        if (stand_in().forwards()) {
            const counted* const c = try_add_pin_to_stand_in<counting>(stand_in(), pin_kind);
            return c == nullptr ? 0 : dynamic_access::word(*c);
        }
        if (!stand_in().counts().add_unless_free_or_crowded(pin_kind)) return 0;
        return dynamic_access::word(page_access::counted_of(stand_in().own));
    }

    /// The first pin: what it counts in. The base is this itself or one of which it has a reference.
    counted& start(const dynamic_record& base, const pin_request& wanted) noexcept {
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

    /// What is mapped now at its addresses, beside what it was when it was pinned; nothing, with `failure`
    /// filled, if that cannot be read. Throws std::bad_alloc.
    std::optional<memory_is> look_again(pin_failure& failure) const {
        using kernel = typename Domain::kernel;
        if (memory != nullptr) return memory_is::the_same; // its provider keeps it
        if (!content.all_shared && !marked) return memory_is::unknown;
        std::string maps;
        if (!read_maps<kernel>(pages, maps, failure)) return std::nullopt;
        bool same = false;
        if (marked) {
            same = mapping_marks<kernel>::current().marked(maps, pages);
        } else {
            pin_failure none;
            const auto now = look_at_range(maps, pages, dma_access::read, pins_device_memory<Domain>, none);
            same = now && now->same_as(content);
        }
        return same ? memory_is::the_same : memory_is::another;
    }

    /// Refuses for the sake of this.
    bool refuse(const char* what, pin_failure& failure) const {
        return detail::refuse(failure, EBUSY, pinning_call,
                              std::string(what) + " (" + std::to_string(pages.size()) + " bytes at " +
                                  hexadecimal(pages.begin) + ")");
    }
    /// Refuses what overlaps this and is not the same range, or would be pinned otherwise.
    bool check_same_range(const pin_request& wanted, pin_failure& failure) const {
        if (pages != wanted.pages)
            return refuse("the range overlaps memory that is pinned: pin exactly the same range, or put "
                          "that first",
                          failure);
        const void* const wants = wanted.provider.keep_alive.get();
        if (wants != nullptr && wants != provider)
            return refuse("the memory is pinned, but not as its provider's, who would not be kept: put that "
                          "first",
                          failure);
        if (!narrows_to(stand_in().memory.access, wanted.access))
            return refuse("the memory is pinned with less access: put that first, or pin it with the widest "
                          "access to begin with",
                          failure);
        return true;
    }
    /// Refuses what shows some of this one's file pages and is not the same, or would be pinned otherwise.
    bool check_same_content(const range_content& shown, bool same_names, dma_access access,
                            pin_failure& failure) const {
        if (!shown.same_as(content) || !same_names)
            return refuse("the range shows some of the file pages that are pinned at another address: pin "
                          "exactly the same pages, or put that first",
                          failure);
        if (!narrows_to(stand_in().memory.access, access))
            return refuse("the same pages are pinned at another address with less access: put that first, "
                          "or pin them with the widest access to begin with",
                          failure);
        return true;
    }
};

/// A reference, which leads to a record and keeps it. Ends without the lock of the registry, which the last
/// one takes.
template <class Domain>
class record_holder {
public:
    record_holder() noexcept = default;
    record_holder(dynamic_record<Domain>& r, std::uintptr_t word, reference_kind kind) noexcept
        : record_(&r), word_(word), kind_(kind) {}
    record_holder(record_holder&& other) noexcept
        : record_(other.record_), word_(other.release()), kind_(other.kind_) {}
    record_holder& operator=(record_holder&&) = delete;
    ~record_holder() {
        if (word_ != 0) drop_reference<counting_t<Domain>>(word_, kind_);
    }
    explicit operator bool() const noexcept { return word_ != 0; }
    dynamic_record<Domain>& held() const noexcept { return *record_; }
    std::uintptr_t release() noexcept { return std::exchange(word_, 0); }

private:
    dynamic_record<Domain>* record_ = nullptr;
    std::uintptr_t word_ = 0;
    reference_kind kind_ = reference_kind::plain;
};

} // namespace gup::inline GUP_NAMESPACE::detail
