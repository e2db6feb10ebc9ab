// SPDX-License-Identifier: BSL-1.0
// What handles are: their size, that they move and never copy, that nothing about them throws.
#include "gup/domain/mlock.hpp"
#include "gup/dynamic_page.hpp"
#include "gup/in_flight.hpp"
#include "gup/page_pool.hpp"
#include "gup/page_proxy.hpp"

#include <iterator>
#include <type_traits>

using gup::dma_access;
using domain = gup::mlock_domain;
using writer = gup::user_page_ref<domain>;
using sender = gup::user_page_ref<domain, dma_access::to_device>;
using reader = gup::user_page_ref<domain, dma_access::read>;
using plain = gup::page_ref<domain>;

static_assert(sizeof(writer) == 8 && sizeof(sender) == 8 && sizeof(reader) == 8 && sizeof(plain) == 8);
static_assert(sizeof(gup::page_ref<gup::local<domain>>) == 8);
static_assert(sizeof(gup::page) == 16 && alignof(gup::page) == 16);
static_assert(std::is_same_v<gup::user_page_ref<domain>, gup::user_page_ref<domain, dma_access::read_write>>);

template <class Handle>
constexpr bool moves_and_never_copies =
    std::is_nothrow_move_constructible_v<Handle>&& std::is_nothrow_move_assignable_v<Handle>&&
        std::is_nothrow_destructible_v<Handle> &&
    !std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle>;

static_assert(moves_and_never_copies<writer> && moves_and_never_copies<sender> &&
              moves_and_never_copies<reader>);
static_assert(moves_and_never_copies<plain>);
static_assert(moves_and_never_copies<gup::in_flight<writer, struct device_place>>);
static_assert(moves_and_never_copies<gup::page_pool<domain>>);

template <class Handle>
constexpr bool can_be_empty =
    std::is_nothrow_default_constructible_v<Handle>&& std::is_constructible_v<bool, Handle> &&
    !std::is_convertible_v<Handle, bool>;

static_assert(can_be_empty<writer> && can_be_empty<reader> && can_be_empty<plain>);
static_assert(can_be_empty<gup::in_flight<writer, struct device_place>>);
static_assert(!std::is_default_constructible_v<gup::page_pool<domain>>);

// No reference turns into another: not the access, not the family, not the domain.
struct tag;
static_assert(!std::is_constructible_v<sender, writer> && !std::is_constructible_v<reader, writer>);
static_assert(!std::is_constructible_v<writer, sender> && !std::is_constructible_v<writer, reader>);
static_assert(!std::is_constructible_v<writer, plain> && !std::is_constructible_v<plain, writer>);
static_assert(!std::is_constructible_v<writer, gup::user_page_ref<tag>>);
static_assert(!std::is_constructible_v<plain, gup::page_ref<gup::local<domain>>>);
static_assert(!std::is_constructible_v<writer, gup::in_flight<writer, struct device_place>>);
static_assert(!std::is_assignable_v<writer&, sender> && !std::is_assignable_v<plain&, writer>);

// A descriptor is nothing a program makes or copies.
static_assert(!std::is_default_constructible_v<gup::page> && !std::is_copy_constructible_v<gup::page> &&
              !std::is_move_constructible_v<gup::page> && !std::is_copy_assignable_v<gup::page>);
static_assert(std::is_trivially_destructible_v<gup::page>);
static_assert(!std::is_default_constructible_v<gup::page_proxy> &&
              !std::is_copy_constructible_v<gup::page_proxy> && !std::is_copy_assignable_v<gup::page_proxy>);
static_assert(!std::is_default_constructible_v<gup::dynamic_page> &&
              !std::is_copy_constructible_v<gup::dynamic_page> &&
              !std::is_copy_assignable_v<gup::dynamic_page>);

static_assert(gup::page_reference<writer> && gup::page_reference<reader> && gup::page_reference<plain>);
static_assert(!gup::page_reference<gup::in_flight<writer, struct device_place>> &&
              !gup::page_reference<gup::page> && !gup::page_reference<int>);

static_assert(std::is_nothrow_copy_constructible_v<gup::pin_error>,
              "an exception is copied while it is thrown");
static_assert(std::is_nothrow_copy_assignable_v<gup::pin_error>);
static_assert(std::is_base_of_v<std::system_error, gup::pin_error>);

using dirty_iterator = decltype(std::declval<gup::page_pool<domain>&>().dirty_pages().begin());
static_assert(std::input_iterator<dirty_iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, dirty_iterator>);
static_assert(std::is_same_v<std::iter_value_t<dirty_iterator>, plain>);
