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

template <detail::named_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_read_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("the operation takes the reference over until it completes: write prep_read_fixed(sqe, fd, "
                "std::move(ref), ...), with one that is not const");
template <detail::ordinary_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_read_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("a page_ref is no licence for DMA: pin the page and hand the pin over, prep_read_fixed(sqe, "
                "fd, get_user_page(ref), ...)");
template <detail::linear_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_read_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("an operation takes an ordinary reference: write prep_read_fixed(sqe, fd, "
                "std::move(ref).relax(), ...)");

template <detail::named_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_write_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("the operation takes the reference over until it completes: write prep_write_fixed(sqe, fd, "
                "std::move(ref), ...), with one that is not const");
template <detail::ordinary_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_write_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("a page_ref is no licence for DMA: pin the page and hand the pin over, prep_write_fixed(sqe, "
                "fd, get_user_page(ref), ...)");
template <detail::linear_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_write_fixed(submission_entry, int, Ref&&, std::uint64_t, const Options& = {}, Error&...)
    GUP_REFUSED("an operation takes an ordinary reference: write prep_write_fixed(sqe, fd, "
                "std::move(ref).relax(), ...)");

template <detail::named_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_send_zc_fixed(submission_entry, int, Ref&&, int, const Options& = {}, Error&...)
    GUP_REFUSED(
        "the operation takes the reference over until it completes: write prep_send_zc_fixed(sqe, socket, "
        "std::move(ref), ...), with one that is not const");
template <detail::ordinary_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_send_zc_fixed(submission_entry, int, Ref&&, int, const Options& = {}, Error&...)
    GUP_REFUSED(
        "a page_ref is no licence for DMA: pin the page and hand the pin over, prep_send_zc_fixed(sqe, "
        "socket, get_user_page(ref), ...)");
template <detail::linear_reference Ref, class Options = detail::any_options, class... Error>
detail::anything prep_send_zc_fixed(submission_entry, int, Ref&&, int, const Options& = {}, Error&...)
    GUP_REFUSED("an operation takes an ordinary reference: write prep_send_zc_fixed(sqe, socket, "
                "std::move(ref).relax(), ...)");

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_read_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                   std::uint64_t, Number, Error&...)
    GUP_REFUSED("say what the number or pointer is: {.cookie = ...} comes back with the page, "
                "{.user_data = ...} makes a token");

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_write_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                    std::uint64_t, Number, Error&...)
    GUP_REFUSED("say what the number or pointer is: {.cookie = ...} comes back with the page, "
                "{.user_data = ...} makes a token");

template <class Domain, dma_access Access, detail::unnamed_number Number, class... Error>
detail::ring_token<Domain, Access> prep_send_zc_fixed(submission_entry, int, user_page_ref<Domain, Access>&&,
                                                      int, Number, Error&...)
    GUP_REFUSED("say what the number or pointer is: {.cookie = ...} comes back with the page, "
                "{.user_data = ...} makes a token");

// Of all other arguments.

template <class Options = detail::any_options>
detail::anything prep_read_fixed(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                 detail::anything = {}, const Options& = {}, detail::anything = {},
                                 detail::anything = {})
    GUP_REFUSED(
        "prep_read_fixed takes an entry of the queue, a descriptor, a pinned reference and an offset: write "
        "prep_read_fixed(io_uring_get_sqe(&ring), fd, std::move(ref), offset), with what else there is named "
        "in braces. Of a pointer, optional or maybe pass what it holds, std::move(*ref), if it holds any; "
        "memory is no page: get one of a pool, or pin it with get_user_pages(domain, span)");

template <class Options = detail::any_options>
detail::anything prep_write_fixed(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                  detail::anything = {}, const Options& = {}, detail::anything = {},
                                  detail::anything = {})
    GUP_REFUSED(
        "prep_write_fixed takes an entry of the queue, a descriptor, a pinned reference and an offset: write "
        "prep_write_fixed(io_uring_get_sqe(&ring), fd, std::move(ref), offset), with what else there is "
        "named "
        "in braces. Of a pointer, optional or maybe pass what it holds, std::move(*ref), if it holds any; "
        "memory is no page: get one of a pool, or pin it with get_user_pages(domain, span)");

template <class Options = detail::any_options>
detail::anything prep_send_zc_fixed(detail::anything = {}, detail::anything = {}, detail::anything = {},
                                    detail::anything = {}, const Options& = {}, detail::anything = {},
                                    detail::anything = {})
    GUP_REFUSED(
        "prep_send_zc_fixed takes an entry of the queue, a descriptor, a pinned reference and the "
        "flags of send: write "
        "prep_send_zc_fixed(io_uring_get_sqe(&ring), socket, std::move(ref), flags), with what else "
        "there is named "
        "in braces. Of a pointer, optional or maybe pass what it holds, std::move(*ref), if it holds any; "
        "memory is no page: get one of a pool, or pin it with get_user_pages(domain, span)");

template <class = void>
bool owns(detail::anything = {}, detail::anything = {}, detail::anything = {})
    GUP_REFUSED("owns takes the domain of a ring, by name, and a completion: write owns(domain, cqe)");
template <class = void>
int submit(detail::anything = {}, detail::anything = {}, detail::anything = {}, detail::anything = {})
    GUP_REFUSED(
        "submit takes the domain and one of its rings, both by name: write submit(domain, ring), also "
        "with a std::error_code; submit_and_wait(domain, ring, n) waits");
template <class = void>
int submit_and_wait(detail::anything = {}, detail::anything = {}, detail::anything = {},
                    detail::anything = {}, detail::anything = {})
    GUP_REFUSED("submit_and_wait takes the domain and one of its rings, both by name, and for how many "
                "completions to wait: write submit_and_wait(domain, ring, n), also with a std::error_code");

} // namespace gup::inline GUP_NAMESPACE
