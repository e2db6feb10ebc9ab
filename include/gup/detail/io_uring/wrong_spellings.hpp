// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Wrong spellings of the operations of io_uring, each with the right one.

#include "gup/detail/io_uring/prepare.hpp"
#include "gup/detail/wrong_reference.hpp"
#include "gup/domain/io_uring_arguments.hpp"

#include <cstdint>
#include <optional>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

/// What may be named in braces, whichever form of the operation is meant.
struct any_options {
    subrange part{};
    operation_user_data cookie = 0;
    std::optional<operation_user_data> user_data{};
};

/// What may be a cookie or a user_data, without its name.
template <class Number>
concept unnamed_number = std::is_constructible_v<operation_user_data, Number>;

} // namespace detail

template <detail::wrong_reference Ref, class Options = detail::any_options, class... Error>
void prep_read_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...) {
    static_assert(!detail::named_reference<Ref>,
                  "the operation takes the reference over until it completes: write "
                  "prep_read_fixed(sqe, fd, std::move(ref), ...)");
    static_assert(!detail::ordinary_reference<Ref>,
                  "a page_ref is no licence for DMA: pin the page and hand the pin "
                  "over, prep_read_fixed(sqe, fd, get_user_page(ref), ...)");
    static_assert(!detail::linear_reference<Ref>,
                  "an operation takes an ordinary reference: write prep_read_fixed(sqe, "
                  "fd, std::move(ref).relax(), ...)");
    static_assert(!detail::maybe_reference<Ref>,
                  "there may be no page in it: look whether there is one, `if (page)`, and hand that over, "
                  "prep_read_fixed(sqe, fd, *std::move(page), ...)");
}

template <detail::wrong_reference Ref, class Options = detail::any_options, class... Error>
void prep_write_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...) {
    static_assert(!detail::named_reference<Ref>,
                  "the operation takes the reference over until it completes: write "
                  "prep_write_fixed(sqe, fd, std::move(ref), ...)");
    static_assert(!detail::ordinary_reference<Ref>,
                  "a page_ref is no licence for DMA: pin the page and hand the pin "
                  "over, prep_write_fixed(sqe, fd, get_user_page(ref), ...)");
    static_assert(!detail::linear_reference<Ref>, "an operation takes an ordinary reference: write "
                                                  "prep_write_fixed(sqe, fd, std::move(ref).relax(), ...)");
    static_assert(!detail::maybe_reference<Ref>,
                  "there may be no page in it: look whether there is one, `if (page)`, and hand that over, "
                  "prep_write_fixed(sqe, fd, *std::move(page), ...)");
}

template <detail::wrong_reference Ref, class Options = detail::any_options, class... Error>
void prep_send_zc_fixed(submission_entry, int, Ref&&, int, const Options& = {}, Error&...) {
    static_assert(!detail::named_reference<Ref>,
                  "the operation takes the reference over until it completes: write "
                  "prep_send_zc_fixed(sqe, socket, std::move(ref), ...)");
    static_assert(!detail::ordinary_reference<Ref>,
                  "a page_ref is no licence for DMA: pin the page and hand the pin "
                  "over, prep_send_zc_fixed(sqe, socket, get_user_page(ref), ...)");
    static_assert(!detail::linear_reference<Ref>,
                  "an operation takes an ordinary reference: write "
                  "prep_send_zc_fixed(sqe, socket, std::move(ref).relax(), ...)");
    static_assert(!detail::maybe_reference<Ref>,
                  "there may be no page in it: look whether there is one, `if (page)`, and hand that over, "
                  "prep_send_zc_fixed(sqe, socket, *std::move(page), ...)");
}

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_read_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                   std::uint64_t, Number, Error&...) {
    static_assert(detail::never<Domain>, "say what the number or pointer is: {.cookie = ...} comes back with "
                                         "the page, {.user_data = ...} makes a token");
    return {};
}

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_write_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                    std::uint64_t, Number, Error&...) {
    static_assert(detail::never<Domain>, "say what the number or pointer is: {.cookie = ...} comes back with "
                                         "the page, {.user_data = ...} makes a token");
    return {};
}

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_send_zc_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                      int, Number, Error&...) {
    static_assert(detail::never<Domain>, "say what the number or pointer is: {.cookie = ...} comes back with "
                                         "the page, {.user_data = ...} makes a token");
    return {};
}

} // namespace gup::inline GUP_NAMESPACE
