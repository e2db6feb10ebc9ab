// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Why operations are refused, and what the program can do.

#include "gup/version.hpp"

#include <cerrno>
#include <cstdint>

namespace gup::inline GUP_NAMESPACE::detail {

/// What a forked child hears, whatever it tries.
inline constexpr const char* own_ring_needed =
    "this ring belongs to the parent process: make a ring and a domain of your own";

enum class prepare_fault : std::uint8_t {
    none,
    queue_full,
    empty_reference,
    outside_page,
    across_slots,
    foreign_ring,
    table_full,
    reserved_user_data,
    without_handle,
    rings_of_parent
};

inline int errno_of(prepare_fault fault) noexcept {
    return fault == prepare_fault::none              ? 0
           : fault == prepare_fault::queue_full      ? EAGAIN
           : fault == prepare_fault::table_full      ? ENOBUFS
           : fault == prepare_fault::rings_of_parent ? EPERM
                                                     : EINVAL;
}

inline const char* remedy_of(prepare_fault fault) noexcept {
    switch (fault) {
    case prepare_fault::none:
        break;
    case prepare_fault::queue_full:
        return "the submission queue is full: submit first";
    case prepare_fault::empty_reference:
        return "the reference is empty: it has been put, or handed to another operation";
    case prepare_fault::outside_page:
        return "the subrange is empty or reaches beyond the page";
    case prepare_fault::across_slots:
        return "one operation stays within one GiB of the memory, counted from its beginning: name a "
               "subrange";
    case prepare_fault::foreign_ring:
        return "the submission entry is not of a ring of the page's domain";
    case prepare_fault::table_full:
        return "all operation records of the ring are in use: complete some operations, or raise "
               "io_uring_options::operations";
    case prepare_fault::reserved_user_data:
        return "this user_data, all ones, is that of no operation: choose another";
    case prepare_fault::without_handle:
        return "nobody could complete the operation, as the program has no handle of the domain any more: "
               "keep the domain or its pool, or name a user_data and keep the token";
    case prepare_fault::rings_of_parent:
        return own_ring_needed;
    }
    return "";
}

enum class completion_fault : std::uint8_t {
    none,
    over,
    foreign,
    no_operation,
    empty_token,
    other_token,
    no_entry,
    more_to_come,
    other_access,
    other_domain,
    submitted,
    rings_of_parent
};

inline int errno_of(completion_fault fault) noexcept {
    switch (fault) {
    case completion_fault::none:
        return 0;
    case completion_fault::more_to_come:
        return EINPROGRESS;
    case completion_fault::submitted:
        return EBUSY;
    case completion_fault::rings_of_parent:
        return EPERM;
    case completion_fault::no_entry:
    case completion_fault::other_access:
    case completion_fault::other_domain:
        return EINVAL;
    default:
        return ESTALE;
    }
}

inline const char* remedy_of(completion_fault fault) noexcept {
    switch (fault) {
    case completion_fault::none:
        break;
    case completion_fault::over:
        return "no operation in flight belongs to it any more: it comes a second time, as all do for which "
               "io_uring_cqe_seen is not called, or late";
    case completion_fault::foreign:
        return "no operation in flight belongs to it: it is foreign, the program's own or another domain's, "
               "or its user_data was changed after the operation was prepared (io_uring_sqe_set_data): name "
               "yours as {.cookie = ...} instead";
    case completion_fault::no_operation:
        return "no operation in flight belongs to it: its user_data, all ones, is that of entries whose "
               "operation was refused or taken back, and of the program's that set none; try_complete "
               "passes over it";
    case completion_fault::empty_token:
        return "no operation in flight belongs to it: the token is empty, its operation is over; a "
               "completion comes a second time if io_uring_cqe_seen is not called for it";
    case completion_fault::other_token:
        return "no operation in flight belongs to it: its user_data is not the token's; a completion comes "
               "a second time if io_uring_cqe_seen is not called for it";
    case completion_fault::no_entry:
        return "there is no entry: look at what the call that should give one returned";
    case completion_fault::more_to_come:
        return "the kernel still uses the page: wait for the completion without IORING_CQE_F_MORE, or use "
               "try_complete";
    case completion_fault::other_access:
        return "the operation was given a reference of another access: name it, as in "
               "complete<gup::dma_access::read>(domain, cqe)";
    case completion_fault::other_domain:
        return "the operation was given a page of another type of domain: pass the domain of its pool";
    case completion_fault::submitted:
        return "the kernel may have taken this entry: wait for its completion";
    case completion_fault::rings_of_parent:
        return own_ring_needed;
    }
    return "";
}

enum class submission_fault : std::uint8_t {
    none,
    unseen,
    other_memory,
    renamed,
    renamed_token,
    overwritten,
    copied,
    rings_of_parent
};

inline const char* remedy_of(submission_fault fault) noexcept {
    switch (fault) {
    case submission_fault::none:
        break;
    case submission_fault::unseen:
        return "an operation that owns a page, or one before it in its chain, has IOSQE_CQE_SKIP_SUCCESS: "
               "its completion is what gives the page back, so clear the flag";
    case submission_fault::other_memory:
        return "an operation that owns a page has IOSQE_BUFFER_SELECT, which would read into other memory: "
               "clear the flag";
    case submission_fault::renamed:
        return "the user_data of an operation that owns a page was changed after it was prepared, as "
               "io_uring_sqe_set_data does, and is put back now: submit again, and name a number or pointer "
               "of your own as {.cookie = ...} instead, which comes back with the page";
    case submission_fault::renamed_token:
        return "the user_data of an operation with a token was changed after it was prepared: take it back, "
               "or io_uring_sqe_set_data64(sqe, token.user_data()), and name your own as {.user_data = ...}";
    case submission_fault::overwritten:
        return "the entry of an operation that owns a page was prepared again before it was submitted, and "
               "the page is put now, as dirty: submit again, and get an entry for each operation "
               "(io_uring_get_sqe), or take the first back";
    case submission_fault::copied:
        return "an entry has the user_data of an operation that is in flight in another: give it one of its "
               "own (io_uring_sqe_set_data64)";
    case submission_fault::rings_of_parent:
        return own_ring_needed;
    }
    return "";
}

} // namespace gup::inline GUP_NAMESPACE::detail
