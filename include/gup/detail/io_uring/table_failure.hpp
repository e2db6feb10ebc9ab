// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Why a ring has no buffer table for a domain, or did not take memory into it, in words that help.

#include "gup/version.hpp"

#include <cerrno>

namespace gup::inline GUP_NAMESPACE::detail {

/// For an io_uring_register(2) that is not allowed at all; empty for other errors.
inline const char* why_no_registering(int error) noexcept {
    switch (error) {
    case EPERM:
    case ENOSYS:
        return "a filter of system calls, such as a container's, or an old kernel refuses io_uring_register: "
               "allow it, or let pools do plain I/O with pin_fallback::unpinned";
    case EACCES:
        return "the restrictions of this ring (IORING_REGISTER_RESTRICTIONS) refuse it: allow it, or let "
               "pools "
               "do plain I/O with pin_fallback::unpinned";
    default:
        return "";
    }
}

/// `lent` tells a table of the program's from one of the domain's own.
inline const char* why_no_table(int error, bool lent) noexcept {
    switch (error) {
    case EBADF:
        return "make the ring first (io_uring_queue_init), and keep its descriptor open";
    case EMFILE:
        return "raise `ulimit -n`";
    case EEXIST:
        return "this ring is IORING_SETUP_SINGLE_ISSUER: make the domain on the thread that submits";
    case EBUSY:
        return "this ring has a buffer table already: lend the domain some of its slots with "
               "io_uring_options::first_slot, or let pools do plain I/O with pin_fallback::unpinned";
    case ENXIO:
        return "this ring has no buffer table: register one, or leave io_uring_options::first_slot empty";
    case EINVAL:
        return lent ? "the ring's buffer table ends before io_uring_options::first_slot + slots: register a "
                      "larger one"
                    : "this kernel has no buffer tables with empty slots: Linux 5.13 has";
    case ENOMEM:
        return "the kernel has no memory for the table: lower io_uring_options::slots";
    default:
        return why_no_registering(error);
    }
}

/// Why a ring that has a table did not take memory into it; empty if gup does not know.
inline const char* why_not_pinned(int error) noexcept {
    switch (error) {
    case EBADF:
        return "the ring was closed: pin in the domain of one that is open";
    case EFAULT:
        return "the kernel pins only readable and writable memory that is anonymous or a memfd: no "
               "holes, no "
               "read-only mappings, no shared files, no memfd_secret";
    case EOPNOTSUPP:
        return "memory of a DAX file system cannot be registered: copy to ordinary memory";
    case EEXIST:
        return "this ring is IORING_SETUP_SINGLE_ISSUER: pin on the thread that submits";
    case ENXIO:
        return "the ring's buffer table is gone: it must stay as long as the domain has pools";
    case ENOMEM:
        return "the kernel is short of memory: make the pool smaller";
    default:
        return why_no_registering(error);
    }
}

/// True if the program has named a ring or slots that are not there, or calls on the wrong thread. Otherwise
/// its pools may go on without a table.
constexpr bool is_mistake(int error, bool lent) noexcept {
    return error == EBADF || error == EEXIST || error == EOPNOTSUPP ||
           (lent && (error == ENXIO || error == EINVAL));
}

} // namespace gup::inline GUP_NAMESPACE::detail
