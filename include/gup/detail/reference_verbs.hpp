// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How the verbs take, check and end the references that words stand for.

#include "gup/annotations.hpp"
#include "gup/detail/reference_word.hpp"
#include "gup/detail/tracking.hpp"
#include "gup/local.hpp"

#include <cstdint>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

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

/// `dirty`: the page was written, which is marked before the count drops. What may be the only reference to
/// its page is its pool's to drop (see free_page_store::drop_first).
template <class Counting>
inline void drop_reference(std::uintptr_t word, reference_kind kind, bool dirty = false) noexcept {
    if constexpr (std::is_same_v<Counting, shared_counting>)
        if ((word & reference_word::first_tag) != 0) return zone_access::drop_first(word, kind, dirty);
    if (dirty) page_access::set_dirty(page_of(word));
    counted& c = counted_of(word);
    if (c.counts.template drop<Counting>(kind)) release_counted(c);
}

/// The word of a reference beside the one with this word. It is no first one: the hint would only cost its
/// put, which mostly finds the other still there.
template <class Counting>
[[gnu::always_inline]] inline std::uintptr_t without_hint(std::uintptr_t word) noexcept {
    if constexpr (std::is_same_v<Counting, local_counting>) return word; // none has it
    return word & ~reference_word::first_tag;
}

/// Adds a pin for the holder of a reference of another kind; returns the word of the new one.
template <class Counting>
inline std::uintptr_t add_pin(std::uintptr_t word, reference_kind pin) noexcept {
    if (is_plain_word(word)) [[likely]] {
        add_reference<Counting>(word, pin);
        return without_hint<Counting>(word);
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
inline void put_reference(std::uintptr_t word, reference_kind kind, bool dirty = false) noexcept {
    drop_reference<counting_t<Domain>>(word, kind, dirty);
}
/// Ends a reference by its destructor, which no caller can tell anything: it always looks.
template <class Domain>
inline void end_reference(std::uintptr_t word, reference_kind kind, bool dirty = false) noexcept {
    check_thread<counting_t<Domain>>(word);
    check_counted<Domain>(word, kind, unknown_caller<Domain>());
    drop_reference<counting_t<Domain>>(word, kind, dirty);
}

/// Adds a reference of the same kind for the holder of one; returns the word of the new one.
template <class Domain>
inline std::uintptr_t another_reference(std::uintptr_t word, reference_kind kind,
                                        origin_of<Domain> where) noexcept {
    if constexpr (tracking<Domain>::enabled)
        if (tracking<Domain>::leads(word)) return tracking<Domain>::another(word, kind, where);
    check_caller<Domain>(word, where);
    add_reference<counting_t<Domain>>(word, kind);
    return without_hint<counting_t<Domain>>(word);
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
    /// Fills an empty one.
    template <class Ref>
    static void set(Ref& ref, std::uintptr_t word) noexcept {
        ref.set(word);
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
