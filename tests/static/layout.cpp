// SPDX-License-Identifier: BSL-1.0
// The numbers that addresses and counts are computed with.
#include "gup/detail/magazine.hpp"
#include "gup/detail/reference_word.hpp"
#include "gup/dynamic_page.hpp"
#include "gup/page_proxy.hpp"
#include "gup/zone.hpp"

#include <bit>
#include <cstddef>
#include <type_traits>

using gup::detail::reference_kind;

// a page array, header included, fits the distance at which the next one starts
static_assert(std::has_single_bit(gup::zone::array_bytes) && std::has_single_bit(gup::zone::max_pages));
static_assert(sizeof(gup::zone) + gup::zone::max_pages * sizeof(gup::page) <= gup::zone::array_bytes);
static_assert(sizeof(gup::zone) % 64 == 0,
              "four descriptors share a cache line, and no line with the header");

// the counts: two kinds of pin below the total, whose overflow reaches the sign first
constexpr auto one = static_cast<std::uint64_t>(reference_kind::plain);
constexpr auto reader = static_cast<std::uint64_t>(reference_kind::reader) - one;
constexpr auto writer = static_cast<std::uint64_t>(reference_kind::writer) - one;
static_assert(std::has_single_bit(one) && std::has_single_bit(reader) && std::has_single_bit(writer));
constexpr std::uint64_t most = (std::uint64_t{1} << 63) / one; // references that reach the sign
static_assert(most * reader <= writer && most * writer <= one, "no pin count runs into the next before");
static_assert(sizeof(gup::detail::reference_counts) == 8 && sizeof(gup::detail::counted) == 8);
static_assert(std::is_trivially_default_constructible_v<gup::detail::counted>,
              "descriptors are zeroed memory");

// tags
static_assert(gup::detail::reference_word::tag_mask < alignof(gup::page));
static_assert(sizeof(gup::detail::reference_word) == 8);

constexpr auto stand_ins = gup::detail::reference_word::stand_in_mask;
static_assert((gup::detail::reference_word::proxy_tag & gup::detail::reference_word::dynamic_tag) == 0);
static_assert((stand_ins & gup::detail::reference_word::first_tag) == 0 &&
                  (stand_ins | gup::detail::reference_word::first_tag) ==
                      gup::detail::reference_word::tag_mask,
              "a hint leads nowhere else");

// what stands in front of a page begins as a page does, and its parts tell which it is
static_assert(offsetof(gup::detail::stand_in, own) == 0 &&
              offsetof(gup::detail::stand_in, reading) == sizeof(gup::page));
static_assert(alignof(gup::detail::stand_in) == 128 &&
              offsetof(gup::detail::stand_in, writing) < alignof(gup::detail::stand_in));
static_assert(sizeof(gup::page_proxy) == 128 && sizeof(gup::dynamic_page) == 128);
static_assert(std::is_trivially_destructible_v<gup::page_proxy> &&
              std::is_trivially_destructible_v<gup::dynamic_page>);

// a magazine lies alone on its cache lines and reads as closed and ownerless when it is all zeroes
static_assert(alignof(gup::detail::magazine) == 64);
static_assert(sizeof(gup::detail::magazine) <= 4096, "it lies alone in memory that is had in pages");
