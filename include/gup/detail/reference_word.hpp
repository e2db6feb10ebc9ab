// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The one word that a reference is: the address of what it counts in, with tags in the low bits.

#include "gup/annotations.hpp"
#include "gup/detail/stand_in.hpp"
#include "gup/detail/tracking.hpp"
#include "gup/local.hpp"
#include "gup/zone.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// A move-only word: the source of a move is left empty. The owner decides what dropping it means.
class reference_word {
public:
    static constexpr std::uintptr_t tag_mask = 15; // a page is aligned to 16 bytes
    static constexpr std::uintptr_t proxy_tag = 1;
    static constexpr std::uintptr_t dynamic_tag = 2;
    static constexpr std::uintptr_t tracked_tag = 4;

    constexpr reference_word() noexcept = default;
    explicit reference_word(std::uintptr_t value) noexcept : value_(value) {}
    explicit reference_word(const page& p) noexcept : value_(reinterpret_cast<std::uintptr_t>(&p)) {}
    reference_word(reference_word&& other) noexcept : value_(std::exchange(other.value_, 0)) {}
    reference_word& operator=(reference_word&&) = delete;
    ~reference_word() = default;

    explicit operator bool() const noexcept { return value_ != 0; }
    std::uintptr_t value() const noexcept { return value_; }
    std::uintptr_t release() noexcept { return std::exchange(value_, 0); }
    void set(std::uintptr_t value) noexcept { value_ = value; }

private:
    std::uintptr_t value_ = 0;
};

/// What the reference counts in; masking is cheaper than asking.
inline counted& counted_of(std::uintptr_t word) noexcept {
    return *reinterpret_cast<counted*>(word & ~reference_word::tag_mask);
}

/// True if the reference leads to a page of a pool without anything in front of it.
inline bool is_plain_word(std::uintptr_t word) noexcept { return (word & reference_word::tag_mask) == 0; }

/// What stands in front of the page, or is it; only of words with a tag.
inline stand_in& stand_in_of(std::uintptr_t word) noexcept { return stand_in::of(&counted_of(word)); }

// Of words with a tag. Not inline: those without must not pay for them.
[[gnu::noinline]] inline page& page_of_stand_in(std::uintptr_t word) noexcept {
    return *stand_in_of(word).base;
}
[[gnu::noinline]] inline std::span<std::byte> memory_of_page(const page& p) noexcept {
    if (const dynamic_stand_in* const d = to_dynamic(p); d != nullptr)
        return {d->memory.address, d->memory.length};
    const zone& z = zone::of(&p);
    return {z.address_of(&p), z.page_size()};
}
[[gnu::noinline]] inline std::span<std::byte> memory_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::tracked_tag) != 0)
        return static_cast<const viewed_stand_in&>(stand_in_of(word)).view;
    if ((word & reference_word::dynamic_tag) == 0) return memory_of_page(*stand_in_of(word).base);
    const pinned_range& seen =
        static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory; // not always the base's
    return {seen.address, seen.length};
}
[[gnu::noinline]] inline const void* registration_of_stand_in(std::uintptr_t word) noexcept {
    const page& p = *stand_in_of(word).base;
    const dynamic_stand_in* const d = to_dynamic(p);
    return d != nullptr ? d->memory.registration : &zone_access::registration<char>(zone::of(&p));
}
[[gnu::noinline]] inline dma_access access_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::dynamic_tag) != 0)
        return static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory.access;
    const page& p = *stand_in_of(word).base;
    const dynamic_stand_in* const d = to_dynamic(p);
    return d != nullptr ? d->memory.access : zone::of(&p).access();
}

[[gnu::noinline]] inline std::uint64_t pfn_of_stand_in(std::uintptr_t word) noexcept {
    if ((word & reference_word::dynamic_tag) != 0)
        return static_cast<const dynamic_stand_in&>(stand_in_of(word)).memory.pfn;
    return reinterpret_cast<std::uintptr_t>(memory_of_page(*stand_in_of(word).base).data()) >> pfn_shift;
}

/// The page that a reference leads to, where its dirty flag is.
inline page& page_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return page_of_stand_in(word);
    return *reinterpret_cast<page*>(word);
}

/// True if the name by which the reference was found has been given a copy of the page, which others have
/// still.
inline bool left_to_others(std::uintptr_t word) noexcept {
    return (word & reference_word::proxy_tag) != 0 && page_access::names(page_of(word)) > 0 &&
           page_access::outdated(stand_in_of(word).own);
}

/// The memory that the CPU sees through a reference.
inline std::span<std::byte> memory_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return memory_of_stand_in(word);
    const zone& z = zone::of(reinterpret_cast<void*>(word));
    return {z.address_of(reinterpret_cast<void*>(word)), z.page_size()};
}

/// The memory that a device sees, where the pin is: the page's own.
inline std::span<std::byte> pinned_memory_of(std::uintptr_t word) noexcept {
    return is_plain_word(word) ? memory_of(word) : memory_of_page(page_of_stand_in(word));
}

/// The number of the page: of its own memory, through whatever it is reached.
inline std::uint64_t pfn_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return pfn_of_stand_in(word);
    const zone& z = zone::of(reinterpret_cast<void*>(word));
    return reinterpret_cast<std::uintptr_t>(z.address_of(reinterpret_cast<void*>(word))) >> pfn_shift;
}

/// The pin of the page.
template <class Registration>
const Registration& registration_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return *static_cast<const Registration*>(registration_of_stand_in(word));
    return zone_access::registration<Registration>(zone::of(reinterpret_cast<void*>(word)));
}

/// The widest access that the page can be pinned with.
inline dma_access access_of(std::uintptr_t word) noexcept {
    if (!is_plain_word(word)) [[unlikely]]
        return access_of_stand_in(word);
    return zone::of(reinterpret_cast<void*>(word)).access();
}

/// A page whose last reference has gone goes back to the owner of its zone. Not inline in the verbs: the way
/// back is the owner's business and would only bloat every put.
[[gnu::noinline]] inline void release_counted(counted& c) noexcept { zone_access::release(c); }

// A thread is the same one to all shared objects, whatever they hide.
[[gnu::visibility("default")]] inline constinit thread_local const char thread_identity = 0;

/// An identity of the calling thread that costs one address computation.
inline const void* this_thread_identity() noexcept { return &thread_identity; }

[[noreturn, gnu::cold, gnu::noinline]] inline void on_wrong_thread() noexcept {
    rule_broken("a page of a local<> domain was used on another thread than the one that made its pool");
}
/// Local counting is only sound on the zone's own thread.
template <class Counting>
inline bool may_count([[maybe_unused]] std::uintptr_t word) noexcept {
    if constexpr (std::is_same_v<Counting, local_counting>) {
        const void* const thread = zone_access::thread(zone::of(&counted_of(word)));
        return thread == nullptr || thread == this_thread_identity();
    }
    return true;
}
/// The program ends on any other.
template <class Counting>
inline void check_thread(std::uintptr_t word) noexcept {
    if (!may_count<Counting>(word)) on_wrong_thread();
}
/// The same for the verbs that only count, where the check would cost more than they do: for those who ask.
template <class Domain>
inline void check_caller(std::uintptr_t word, origin_of<Domain> where) noexcept {
    if (looks<Domain>(where)) check_thread<counting_t<Domain>>(word);
}

/// Ends the program if this is the word of an empty reference, for those who ask.
template <class Domain>
inline void check_held(std::uintptr_t word, origin_of<Domain> where) noexcept {
    // where the optimiser knows the word it would take out what follows, and run on into whatever is next
    if (__builtin_constant_p(word == 0) && word == 0 && !looks<Domain>(where)) __builtin_trap();
    if (looks<Domain>(where) && word == 0) [[unlikely]]
        misused<Domain>(
            "an empty reference was used: it never had a page, or that was put, moved on or handed "
            "to an operation; use a reference only while `if (ref)` would hold",
            where);
}

/// Ends the program if the reference is not among those counted, because another handle with the same bytes
/// was put before.
template <class Domain>
inline void check_counted(std::uintptr_t word, reference_kind kind, origin_of<Domain> where) noexcept {
    if (!counted_of(word).counts.holds(kind)) [[unlikely]]
        misused<Domain>(
            "a reference was put that nobody counted: its handle was copied by bytes (memcpy), or "
            "destroyed twice, as g++ 12 does with temporaries in `co_await awaiter{...}`; take a "
            "second one with ref_user_page or get_page, and give such an awaiter a name",
            where);
}

// These count and check nothing.

template <class Counting>
inline void add_reference(std::uintptr_t word, reference_kind kind) noexcept {
    counted_of(word).counts.template add<Counting>(kind);
}

template <class Counting>
inline void drop_reference(std::uintptr_t word, reference_kind kind) noexcept {
    counted& c = counted_of(word);
    if (c.counts.template drop<Counting>(kind)) release_counted(c);
}

/// Adds a pin for the holder of a reference of another kind; returns the word of the new one.
template <class Counting>
inline std::uintptr_t add_pin(std::uintptr_t word, reference_kind pin) noexcept {
    if (is_plain_word(word)) [[likely]] {
        add_reference<Counting>(word, pin);
        return word;
    }
    return reinterpret_cast<std::uintptr_t>(add_pin_to_stand_in<Counting>(stand_in_of(word), pin)) |
           (word & reference_word::tag_mask);
}

/// All that a put looks at. Not inline: it would keep verbs from being inlined for callers who do not ask.
template <class Domain>
[[gnu::noinline]] void check_put(std::uintptr_t word, reference_kind kind, origin_of<Domain> where) noexcept {
    check_held<Domain>(word, where);
    check_thread<counting_t<Domain>>(word);
    check_counted<Domain>(word, kind, where);
}
/// What comes before a reference is dropped that a verb has taken over.
template <class Domain>
inline void prepare_put(std::uintptr_t word, reference_kind kind, origin_of<Domain> where) noexcept {
    if (looks<Domain>(where)) check_put<Domain>(word, kind, where);
    note_put<Domain>(word, where);
}
/// Ends a reference that a verb has taken over and prepared.
template <class Domain>
inline void put_reference(std::uintptr_t word, reference_kind kind) noexcept {
    drop_reference<counting_t<Domain>>(word, kind);
}
/// Ends a reference by its destructor, which no caller can tell anything: it always looks.
template <class Domain>
inline void end_reference(std::uintptr_t word, reference_kind kind) noexcept {
    check_thread<counting_t<Domain>>(word);
    check_counted<Domain>(word, kind, unknown_caller<Domain>());
    drop_reference<counting_t<Domain>>(word, kind);
}

/// Adds a reference of the same kind for the holder of one; returns the word of the new one.
template <class Domain>
inline std::uintptr_t another_reference(std::uintptr_t word, reference_kind kind,
                                        origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled)
        if (tracking<Domain>::leads(word)) return tracking<Domain>::another(word, kind, where);
    check_caller<Domain>(word, where);
    add_reference<counting_t<Domain>>(word, kind);
    return word;
}
/// The same of another kind, a pin.
template <class Domain>
inline std::uintptr_t another_pin(std::uintptr_t word, reference_kind pin, origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled)
        if (tracking<Domain>::leads(word)) return tracking<Domain>::another(word, pin, where);
    check_caller<Domain>(word, where);
    return add_pin<counting_t<Domain>>(word, pin);
}

/// The word of a `Ref` that has been emptied, on its way into another type.
template <class Ref>
struct handed_over {
    std::uintptr_t word;
};

/// The library's own way into a handle: makes one from a word that holds a count, and takes the word out
/// again.
struct reference_access {
    template <class Ref>
    static Ref make(std::uintptr_t word) noexcept {
        return Ref(reference_word(word));
    }
    template <class Ref>
    static std::uintptr_t word(const Ref& ref) noexcept {
        return ref.word_.value();
    }
    template <class Ref>
    static std::uintptr_t release(Ref& ref GUP_LEAVES_CONSUMED) noexcept {
        return ref.release();
    }
};

/// Who calls a verb with such a reference, or with the token of one.
template <class Ref>
using caller_of = origin_of<typename Ref::domain_type>;

/// The word of a reference that a verb uses.
template <class Ref>
std::uintptr_t held(const Ref& ref, caller_of<Ref> where) noexcept {
    const std::uintptr_t word = reference_access::word(ref);
    check_held<typename Ref::domain_type>(word, where);
    return word;
}

template <class>
inline constexpr bool never = false; // makes a static_assert wait for its template's use

} // namespace gup::inline GUP_NAMESPACE::detail
