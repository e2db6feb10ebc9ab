// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What clang can check beyond the language: the typestate of a reference, for `-Wconsumed`, and views that
/// must not outlive what they look at. Nothing at all for other compilers: the attributes change neither code
/// nor layout, so that sources built with and without them mix.
///
/// A reference is unconsumed while it holds a page, and consumed when it is empty: put, moved from, handed to
/// a device. `-Wconsumed` finds, within one function, what is used, put or moved once more after that, and
/// what is dropped without a put on some path. Before clang 19 it is wrong about references that live across
/// a loop: there, ask for it by hand if at all.
///
/// Clang 19 warns of some correct programs, too (tests/misuse/false_alarms has one of each kind):
/// * of a loop without a condition that is left from its middle in one way only;
/// * of a reference given to a constructor by value or as a temporary, of maybe, optional, variant or a
///   member in a list of initialisers: name it first and move it into a parameter of type `&&`, or assign it;
/// * of a local reference returned as a maybe or an optional: write `return gup::maybe(std::move(page))`;
/// * after a reference was passed by a reference that is not const, and where it came as such a parameter,
///   also if a loop there hands it over and gets it back: pass `const&` to look, `&&` to give away;
/// * of a put after an operation that was refused, if a `std::error_code` is asked: ask the reference, which
///   has its page then, `if (page) put_user_page(...)`;
/// * of a reference that is put by a lambda, as a scope guard's: lend it with with_user_page, or let its
///   destructor put it;
/// * where two conditions only together say that each path puts; after std::swap by its full name (an
///   unqualified swap is understood); of a function that returns an empty reference.

#ifdef __clang__
#define GUP_CONSUMABLE clang::consumable(unconsumed) ///< of a class: its objects begin unconsumed
#define GUP_LEAVES_CONSUMED [[clang::return_typestate(consumed)]] ///< of a constructor, result or parameter
#define GUP_LEAVES_UNCONSUMED [[clang::return_typestate(unconsumed)]] ///< likewise
#define GUP_LEAVES_UNKNOWN [[clang::return_typestate(unknown)]] ///< of a parameter: consumed only on success
#define GUP_NEEDS_UNCONSUMED [[clang::param_typestate(unconsumed)]]                    ///< of a parameter
#define GUP_CALLABLE_UNLESS_CONSUMED [[clang::callable_when("unconsumed", "unknown")]] ///< of a member
#define GUP_CALLABLE_UNLESS_UNCONSUMED [[clang::callable_when("consumed", "unknown")]] ///< of a destructor
#define GUP_TESTS_UNCONSUMED [[clang::test_typestate(unconsumed)]] ///< of a member that returns bool
#define GUP_SETS_CONSUMED [[clang::set_typestate(consumed)]]       ///< of a member
#define GUP_SETS_UNCONSUMED [[clang::set_typestate(unconsumed)]]   ///< likewise
#define GUP_LIFETIMEBOUND [[clang::lifetimebound]] ///< the result looks into the object or argument
#else
#define GUP_CONSUMABLE
#define GUP_LEAVES_CONSUMED
#define GUP_LEAVES_UNCONSUMED
#define GUP_LEAVES_UNKNOWN
#define GUP_NEEDS_UNCONSUMED
#define GUP_CALLABLE_UNLESS_CONSUMED
#define GUP_CALLABLE_UNLESS_UNCONSUMED
#define GUP_TESTS_UNCONSUMED
#define GUP_SETS_CONSUMED
#define GUP_SETS_UNCONSUMED
#define GUP_LIFETIMEBOUND
#endif
