// SPDX-License-Identifier: BSL-1.0
// What a maybe and all_or_none are: of a reference's size, never copied, never taken for a number.
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

#include <type_traits>
#include <utility>

using domain = gup::mlock_domain;
using writer = gup::user_page_ref<domain>;
using reader = gup::user_page_ref<domain, gup::dma_access::read>;
using plain = gup::page_ref<domain>;
using maybe = gup::maybe<writer>;

static_assert(sizeof(maybe) == 8 && sizeof(gup::maybe<plain>) == 8);
static_assert(std::is_nothrow_default_constructible_v<maybe> && std::is_nothrow_move_constructible_v<maybe> &&
              std::is_nothrow_move_assignable_v<maybe>);
static_assert(!std::is_copy_constructible_v<maybe> && !std::is_copy_assignable_v<maybe>);
static_assert(std::is_nothrow_convertible_v<writer, maybe> && !std::is_convertible_v<maybe, writer>);
static_assert(std::is_constructible_v<bool, maybe> && !std::is_convertible_v<maybe, bool>);

// No reference turns into another through one.
static_assert(!std::is_constructible_v<maybe, reader> && !std::is_constructible_v<maybe, plain> &&
              !std::is_constructible_v<maybe, gup::maybe<reader>>);

// It lends what a reference may be lent as, and gives away only as an rvalue.
static_assert(std::is_same_v<decltype(*std::declval<maybe&>()), writer&>);
static_assert(std::is_same_v<decltype(*std::declval<const maybe&>()), const writer&>);
static_assert(std::is_same_v<decltype(*std::declval<maybe>()), writer&&>);
static_assert(std::is_same_v<decltype(std::declval<maybe>().value()), writer&&>);

static_assert(std::is_constructible_v<bool, gup::all_or_none> &&
              !std::is_convertible_v<gup::all_or_none, bool>);
