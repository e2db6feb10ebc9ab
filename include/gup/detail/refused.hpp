// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Functions that nobody can call, each with the sentence that is said where one does. To traits and concepts
/// they are deleted functions, so that what is asked there is answered truly, and without an error.
///
/// g++ quotes the constraint of a deleted function, clang the reason why one is unavailable.

#include "gup/version.hpp"

namespace gup::inline GUP_NAMESPACE::detail {

/// Holds a sentence in a constraint.
constexpr bool instead(const char*) noexcept { return true; }

/// Any argument, for the last overload of a verb: worse than all that the others take.
struct anything {
    anything() = default;
    template <class Argument>
    anything(Argument&&) noexcept;
};

} // namespace gup::inline GUP_NAMESPACE::detail

/// Ends the declaration of a function template, or of a member of a class template.
#ifdef __clang__
#define GUP_REFUSED(sentence) __attribute__((unavailable(sentence)))
#else
#define GUP_REFUSED(sentence) requires(::gup::detail::instead(sentence)) = delete
#endif

/// Declares that a class template is not copied. What contains one is not copied either, so these must be
/// deleted on clang, too: before clang 19, which takes a reason there, it says the sentence of what is not
/// const, and of what is const only in the line that it shows.
#if defined(__clang__) && defined(__cpp_deleted_function)
#define GUP_NOT_COPIED(type, sentence)                                                                       \
    _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wc++26-extensions\"")              \
        type(const type&) = delete (sentence);                                                               \
    type& operator=(const type&) = delete (sentence)_Pragma("clang diagnostic pop")
#else
#define GUP_NOT_COPIED(type, sentence)                                                                       \
    type(const type&) requires(::gup::detail::instead(sentence)) = delete;                                   \
    type& operator=(const type&) requires(::gup::detail::instead(sentence)) = delete;                        \
    type(type&) GUP_REFUSED(sentence);                                                                       \
    type(const type&&) GUP_REFUSED(sentence);                                                                \
    type& operator=(type&) GUP_REFUSED(sentence);                                                            \
    type& operator=(const type&&) GUP_REFUSED(sentence)
#endif
