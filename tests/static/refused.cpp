// SPDX-License-Identifier: BSL-1.0
// What nobody can call or copy says so to traits and concepts, too.

#include "gup/domain/mlock.hpp"
#include "gup/linear.hpp"
#include "gup/page_pool.hpp"

#include <array>
#include <optional>
#include <type_traits>
#include <utility>

namespace {

using pool = gup::page_pool<gup::mlock_domain>;
using pinned = gup::user_page_ref<gup::mlock_domain>;
using reader = gup::user_page_ref<gup::mlock_domain, gup::dma_access::read>;
using plain = gup::page_ref<gup::mlock_domain>;
using linear_page = gup::linear<pinned>;

template <class... Arguments>
concept can_be_put = requires(Arguments&&... arguments) {
    gup::put_user_page(std::forward<Arguments>(arguments)...);
};
static_assert(can_be_put<pinned, gup::put_as> && can_be_put<reader> && can_be_put<linear_page, gup::put_as>);
static_assert(!can_be_put<std::optional<pinned>, gup::put_as> && !can_be_put<pinned*, gup::put_as>);
static_assert(!can_be_put<pool&, pinned, gup::put_as> && !can_be_put<gup::put_as, pinned>);

template <class From>
concept can_be_got = requires(From&& from) {
    gup::get_user_page(std::forward<From>(from));
};
static_assert(can_be_got<pool&> && can_be_got<const plain&>);
static_assert(!can_be_got<pool*> && !can_be_got<const pool&> && !can_be_got<gup::mlock_domain&>);

template <class T>
constexpr bool only_moved = std::is_nothrow_move_constructible_v<T> && !std::is_copy_constructible_v<T> &&
                            !std::is_constructible_v<T, T&> && !std::is_constructible_v<T, const T> &&
                            !std::is_copy_assignable_v<T> && !std::is_assignable_v<T&, T&>;
struct holder {
    pinned page;
};
static_assert(only_moved<pinned> && only_moved<plain> && only_moved<linear_page> && only_moved<pool>);
static_assert(only_moved<holder> && only_moved<std::optional<pinned>> && only_moved<std::array<pinned, 2>>);

static_assert(!std::is_constructible_v<pinned, reader> && !std::is_convertible_v<plain, pinned>);
static_assert(std::is_constructible_v<linear_page, pinned> && !std::is_constructible_v<linear_page, pinned&>);

} // namespace
