// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `with_user_page`: a page for as long as a function runs, which cannot be put twice, forgotten or taken
/// away. The function's result is the decision of the put.

#include "gup/page_pool.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

/// Checks what a function that is lent pages of this access may return.
template <dma_access Access, class Result>
constexpr void check_decision() noexcept {
    if constexpr (cpu_may_write(Access))
        static_assert(
            std::same_as<Result, put_as>,
            "the function must return how the page is put: gup::dirty if it wrote, or may have written, "
            "to the page, else gup::clean");
    else
        static_assert(
            std::is_void_v<Result>,
            "nothing is written through a read reference, so its put takes no decision: the function "
            "must return nothing");
}

} // namespace detail

/// Gets a page of the pool, calls `function` with a reference to it, and puts it as the function says: it
/// returns `put_as`, or nothing if the pool's access is `read`. If it throws, the page is put dirty and the
/// exception goes on. Throws pin_error as get_user_page does. From any thread.
template <class Domain, dma_access Access, std::invocable<const user_page_ref<Domain, Access>&> Function>
void with_user_page(page_pool<Domain, Access>& pool, Function&& function,
                    detail::origin_of<Domain> where = {}) {
    using result = std::invoke_result_t<Function, const user_page_ref<Domain, Access>&>;
    detail::check_decision<Access, result>();
    auto page = get_user_page(pool, where);
    const auto& lent = page;
    if constexpr (std::same_as<result, put_as>) {
        const put_as decision = std::forward<Function>(function)(lent);
        put_user_page(std::move(page), decision, where);
    } else if constexpr (std::is_void_v<result> && !cpu_may_write(Access)) {
        std::forward<Function>(function)(lent);
        put_user_page(std::move(page), where);
    }
}

/// As with_user_page, for `n` pages, all or none, with one decision: the function gets a span of references.
/// Throws std::bad_alloc as well.
template <class Domain, dma_access Access,
          std::invocable<std::span<const user_page_ref<Domain, Access>>> Function>
void with_user_pages(page_pool<Domain, Access>& pool, std::size_t n, Function&& function,
                     detail::origin_of<Domain> where = {}) {
    using pages_view = std::span<const user_page_ref<Domain, Access>>;
    using result = std::invoke_result_t<Function, pages_view>;
    detail::check_decision<Access, result>();
    auto pages = get_user_pages(pool, n, where);
    if constexpr (std::same_as<result, put_as>) {
        const put_as decision = std::forward<Function>(function)(pages_view(pages));
        put_user_pages(std::move(pages), decision, where);
    } else if constexpr (std::is_void_v<result> && !cpu_may_write(Access)) {
        std::forward<Function>(function)(pages_view(pages));
        put_user_pages(std::move(pages), where);
    }
}

} // namespace gup::inline GUP_NAMESPACE
