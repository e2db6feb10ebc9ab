// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What is handed to operations in place of a pinned reference that is moved: for the sentences that say so.

#include "gup/linear.hpp"
#include "gup/page_ref.hpp"
#include "gup/user_page_ref.hpp"

#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

template <class>
inline constexpr bool is_user_page_ref = false;
template <class Domain, dma_access Access>
inline constexpr bool is_user_page_ref<user_page_ref<Domain, Access>> = true;
template <class>
inline constexpr bool is_page_ref = false;
template <class Domain>
inline constexpr bool is_page_ref<page_ref<Domain>> = true;
template <class>
inline constexpr bool is_linear = false;
template <class Ref>
inline constexpr bool is_linear<linear<Ref>> = true;

/// A pinned reference that stays with the caller: one with a name, or a const one.
template <class Ref>
concept named_reference = is_user_page_ref<std::remove_cvref_t<Ref>> && !is_user_page_ref<Ref>;
template <class Ref>
concept ordinary_reference = is_page_ref<std::remove_cvref_t<Ref>>;
template <class Ref>
concept linear_reference = is_linear<std::remove_cvref_t<Ref>>;

} // namespace gup::inline GUP_NAMESPACE::detail
