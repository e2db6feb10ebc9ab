// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The operations of io_uring on pinned pages: prepare one, and get the reference back at its final
/// completion.
///
/// Each operation owns one pin from prepare to its final completion: the first without IORING_CQE_F_MORE. Two
/// forms, told apart by what is named in braces at the end:
///
/// * `{.part = ..., .cookie = ...}`, or nothing: the domain keeps a record and writes its own user_data;
///   `complete(domain, cqe)` gives the reference back, and the cookie. A completion that is not one of the
///   domain's, or comes twice, is refused without harm. Nobody can tell one that the program makes itself,
///   by giving the user_data of an operation in flight to another entry; and after 2^24 operations of one
///   record their numbers come again.
/// * `{.part = ..., .user_data = ...}`: prepare returns an `in_flight` token, and
///   `complete(token, cqe)` gives the reference back. Only that number, or pointer, tells the operation: it
///   must be of no other operation whose completion has not been seen yet, on any ring, and not ~0.
///
/// Entries are taken as liburing gives them, as pointers or as references. A null one, of a full queue, is
/// refused, and the page stays with the caller.
///
/// An entry that was prepared keeps its user_data: io_uring_sqe_set_data afterwards would lose the page. As
/// long as a program submits with `submit` this is noticed, and mended, as is an entry that was prepared
/// twice; io_uring_submit looks for nothing. liburing hands an entry out with the user_data it had last.
/// `submit` therefore makes the entries that the kernel has taken nobody's; to cancel an operation by its
/// user_data, read that before. With IORING_SETUP_SQPOLL, or with io_uring_submit instead, a program must set
/// the user_data of every entry of its own.
///
/// As the ring itself, prepare and take_back are for one thread at a time per ring, completions likewise; the
/// two may be different threads. None of this is for signal handlers. Flags such as IOSQE_IO_LINK are set on
/// the entry after prepare, as always with liburing. IOSQE_CQE_SKIP_SUCCESS on the operation, or before it in
/// its chain, would lose the completion and is refused by `submit`.
///
/// In a forked child the queues are shared with the parent. There every verb throws pin_error (EPERM) and
/// touches neither, and the page stays with the caller; only the token of an operation is completed as in the
/// parent, by an entry that the child should not have taken. (Where the kernel has no MADV_WIPEONFORK, submit
/// and take_back are refused only.)
///
/// Before a ring is closed, `end_ring` (io_uring_end.hpp) gives every page back.
///
/// liburing cannot take back an entry that it has handed out. One whose operation is refused or taken back
/// therefore becomes a no-op, which can be prepared again. `submit` leaves it out, so that it has no
/// completion. One that has IOSQE_IO_DRAIN stays as a barrier, and one that io_uring_submit submits is not
/// left out: they complete with the user_data ~0, which is of no operation.

#include "gup/detail/io_uring/complete.hpp"
#include "gup/detail/io_uring/submit.hpp"
#include "gup/detail/io_uring/wrong_spellings.hpp"
#include "gup/domain/io_uring_arguments.hpp"
#include "gup/in_flight.hpp"
#include "gup/maybe.hpp"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// A domain whose pages io_uring can use: an io_uring_domain or one that includes one.
template <class Domain>
concept ring_domain = requires(const Domain& domain) {
    detail::ring_domain_in(domain);
};

/// Reads into the page, or into a part of it, as a fixed buffer. The reference moves to the operation if and
/// only if the call succeeds. Throws pin_error and makes the entry a no-op: EAGAIN if it is null; EINVAL if
/// the reference is empty, the part is not in the page, or not within one GiB of the caller's memory, the
/// entry is of a foreign ring, or the program has no handle of the domain any more to complete a record with;
/// ENOBUFS if all operation records are in use. The twins with a `std::error_code&` after the options set it
/// instead, and clear it if they succeed.
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void prep_read_fixed(submission_entry sqe, int fd,
                                                   user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                                                   record_options options = {}) {
    detail::prepare<detail::ring_opcode::read>(sqe, fd, ref, offset, options, detail::throwing{});
}
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void
prep_read_fixed(submission_entry sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                std::uint64_t offset, record_options options, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::read>(sqe, fd, ref, offset, options, error);
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access> prep_read_fixed(submission_entry sqe, int fd,
                                                   user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                                                   token_options options) {
    return detail::prepare_token<detail::ring_opcode::read>(sqe, fd, ref, offset, options,
                                                            detail::throwing{});
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access>
prep_read_fixed(submission_entry sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                std::uint64_t offset, token_options options, std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::read>(sqe, fd, ref, offset, options, error);
}

/// Writes the page, or a part of it, as a fixed buffer; for references of any access. Otherwise as
/// prep_read_fixed.
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void prep_write_fixed(submission_entry sqe, int fd,
                                                    user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                                                    record_options options = {}) {
    detail::prepare<detail::ring_opcode::write>(sqe, fd, ref, offset, options, detail::throwing{});
}
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void
prep_write_fixed(submission_entry sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                 std::uint64_t offset, record_options options, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::write>(sqe, fd, ref, offset, options, error);
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access> prep_write_fixed(submission_entry sqe, int fd,
                                                    user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                                                    token_options options) {
    return detail::prepare_token<detail::ring_opcode::write>(sqe, fd, ref, offset, options,
                                                             detail::throwing{});
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access>
prep_write_fixed(submission_entry sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                 std::uint64_t offset, token_options options, std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::write>(sqe, fd, ref, offset, options, error);
}

/// Sends the page, or a part of it, without copying; for references of any access. `flags` are those of
/// send(2). The result comes with the first completion, the reference back with the last, which may be the
/// same one if the send failed. A send that is cancelled with its chain is over at once, but Linux (6.18)
/// posts a notification after that all the same: it is refused as stale, and a program that chooses user_data
/// must not give the same to another send until it has come. Otherwise as prep_read_fixed.
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void prep_send_zc_fixed(submission_entry sqe, int socket,
                                                      user_page_ref<Domain, Access>&& ref, int flags,
                                                      record_options options = {}) {
    detail::prepare<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags), options,
                                                  detail::throwing{});
}
template <class Domain, dma_access Access>
[[gnu::always_inline]] inline void
prep_send_zc_fixed(submission_entry sqe, int socket, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                   int flags, record_options options, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags), options,
                                                  error);
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access> prep_send_zc_fixed(submission_entry sqe, int socket,
                                                      user_page_ref<Domain, Access>&& ref, int flags,
                                                      token_options options) {
    return detail::prepare_token<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags),
                                                               options, detail::throwing{});
}
template <class Domain, dma_access Access>
detail::ring_token<Domain, Access>
prep_send_zc_fixed(submission_entry sqe, int socket, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                   int flags, token_options options, std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags),
                                                               options, error);
}

/// True if the completion is of an operation that the domain has a record of and that is still in flight.
template <ring_domain Domain>
bool owns(const Domain& domain, completion_entry cqe) noexcept {
    return cqe.get() != nullptr &&
           detail::ring_access::rings(domain).find(cqe.get()->user_data).record != nullptr;
}

/// The reference of a finished operation; its page is dirty if the device could have written. The result is
/// cqe->res. `Access` is that of the reference which was handed over. Throws pin_error and changes nothing:
/// ESTALE if the completion is foreign or its operation is over, EINPROGRESS if more completions are to come,
/// EINVAL if the reference was of another access or domain, or the entry is null.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put"), gnu::always_inline]] inline user_page_ref<Domain, Access>
complete(Domain& domain, completion_entry cqe) {
    const detail::completion done = detail::finish<Domain, Access>(detail::ring_access::rings(domain), cqe);
    if (done.fault != detail::completion_fault::none) detail::throw_fault(done.fault, domain, cqe);
    return detail::reference_access::make<user_page_ref<Domain, Access>>(done.word);
}
/// With the cookie that the operation was prepared with; as it is if this throws.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] user_page_ref<Domain, Access>
complete(Domain& domain, completion_entry cqe, cookie_target cookie) {
    const detail::completion done = detail::finish<Domain, Access>(detail::ring_access::rings(domain), cqe);
    if (done.fault != detail::completion_fault::none) detail::throw_fault(done.fault, domain, cqe);
    cookie.set(done.cookie);
    return detail::reference_access::make<user_page_ref<Domain, Access>>(done.word);
}
/// As complete; where that throws empty, and `error` says why: also while more completions are to come.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
complete(Domain& domain, completion_entry cqe, cookie_target cookie, std::error_code& error) noexcept {
    const detail::completion done = detail::finish<Domain, Access>(detail::ring_access::rings(domain), cqe);
    error = detail::errno_code(detail::errno_of(done.fault));
    if (error) return {};
    cookie.set(done.cookie);
    return detail::to_maybe(detail::reference_access::make<user_page_ref<Domain, Access>>(done.word));
}
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
complete(Domain& domain, completion_entry cqe, std::error_code& error) noexcept {
    std::uint64_t cookie = 0;
    return complete<Access>(domain, cqe, cookie, error);
}
/// The same where the reason does not matter.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
try_complete(Domain& domain, completion_entry cqe, cookie_target cookie) noexcept {
    std::error_code unread;
    return complete<Access>(domain, cqe, cookie, unread);
}
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
try_complete(Domain& domain, completion_entry cqe) noexcept {
    std::error_code unread;
    return complete<Access>(domain, cqe, unread);
}

/// The reference of a finished operation with the program's own user_data. Throws pin_error and leaves the
/// token as it is: ESTALE if the token is empty or the completion has another user_data, EINPROGRESS if more
/// are to come, EINVAL if the entry is null. As all that takes a token it takes it by name or by std::move,
/// and the token is empty if and only if the reference was given back.
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED,
                                                   completion_entry cqe) {
    const detail::completion_fault fault = detail::check_token(token, cqe);
    if (fault != detail::completion_fault::none) detail::throw_fault(fault, token, cqe);
    return detail::finish_token(token);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref, Place>&& token, completion_entry cqe) {
    return complete(token, cqe);
}
/// As complete; where that throws empty, and `error` says why: also while more completions are to come.
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref> complete(in_flight<Ref, Place>& token GUP_LEAVES_UNKNOWN,
                                                          completion_entry cqe,
                                                          std::error_code& error) noexcept {
    error = detail::errno_code(detail::errno_of(detail::check_token(token, cqe)));
    if (error) return {};
    return detail::to_maybe(detail::finish_token(token));
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref> complete(in_flight<Ref, Place>&& token GUP_LEAVES_UNKNOWN,
                                                          completion_entry cqe,
                                                          std::error_code& error) noexcept {
    return complete(token, cqe, error);
}
/// The same where the reason does not matter.
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref> try_complete(in_flight<Ref, Place>& token,
                                                              completion_entry cqe) noexcept {
    std::error_code unread;
    return complete(token, cqe, unread);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref>
try_complete(in_flight<Ref, Place>&& token GUP_LEAVES_UNKNOWN, completion_entry cqe) noexcept {
    return try_complete(token, cqe);
}

/// The reference of an operation that was prepared but not submitted; its entry becomes a no-op, and the
/// others of its chain stay in order. Throws pin_error and changes nothing: EBUSY if the kernel may have
/// taken the entry, ESTALE if `submit` has submitted it or it was never the domain's, EINVAL as complete.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] user_page_ref<Domain, Access> take_back(Domain& domain,
                                                                              submission_entry sqe) {
    const detail::completion undone = detail::undo<Domain>(detail::ring_access::rings(domain), sqe, Access);
    if (undone.fault != detail::completion_fault::none) detail::throw_fault(undone.fault, domain, sqe);
    return detail::reference_access::make<user_page_ref<Domain, Access>>(undone.word);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref, Place>& token GUP_LEAVES_CONSUMED,
                                                    submission_entry sqe) {
    const detail::completion_fault fault = detail::undo_token(token, sqe);
    if (fault != detail::completion_fault::none) detail::throw_fault(fault, token, sqe);
    return detail::give_back_token(token);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref, Place>&& token, submission_entry sqe) {
    return take_back(token, sqe);
}
/// As take_back; empty where that throws. With the cookie that the operation was prepared with, if it is
/// asked for.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
try_take_back(Domain& domain, submission_entry sqe, cookie_target cookie) noexcept {
    const detail::completion undone = detail::undo<Domain>(detail::ring_access::rings(domain), sqe, Access);
    if (undone.fault != detail::completion_fault::none) return {};
    cookie.set(undone.cookie);
    return detail::to_maybe(detail::reference_access::make<user_page_ref<Domain, Access>>(undone.word));
}
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] maybe<user_page_ref<Domain, Access>>
try_take_back(Domain& domain, submission_entry sqe) noexcept {
    std::uint64_t cookie = 0;
    return try_take_back<Access>(domain, sqe, cookie);
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref> try_take_back(in_flight<Ref, Place>& token,
                                                               submission_entry sqe) noexcept {
    if (detail::undo_token(token, sqe) != detail::completion_fault::none) return {};
    return detail::to_maybe(detail::give_back_token(token));
}
template <class Ref, class Place>
[[nodiscard("the page must be put")]] maybe<Ref>
try_take_back(in_flight<Ref, Place>&& token GUP_LEAVES_UNKNOWN, submission_entry sqe) noexcept {
    return try_take_back(token, sqe);
}

/// Submits what is prepared on a ring of the domain and waits for `completions` of them
/// (io_uring_submit_and_wait). Returns the number of entries submitted, counting those whose operation was
/// refused or taken back, which the kernel never sees. Before that it looks for operations that own a page
/// and would not give it back: because of IOSQE_CQE_SKIP_SUCCESS on them or before them in their chains, or
/// of IOSQE_BUFFER_SELECT; because their user_data was changed (io_uring_sqe_set_data); or because their
/// entry was prepared again, of which it puts the page. Sets `error` to EINVAL then, with nothing submitted,
/// or to the kernel's errno; also to EINTR if a signal ended the wait after entries were submitted. A ring
/// with IORING_SETUP_IOPOLL ends waits early without a signal and without an error. In both cases call it
/// again to go on waiting.
template <ring_domain Domain>
int submit_and_wait(Domain& domain, io_uring& ring, unsigned completions, std::error_code& error) noexcept {
    const detail::submission done = detail::submit(detail::ring_access::rings(domain), ring, completions);
    error = detail::errno_code(done.error);
    return done.entries;
}
/// As above; throws pin_error instead, but for a signal: that ends the wait and is no error.
template <ring_domain Domain>
int submit_and_wait(Domain& domain, io_uring& ring, unsigned completions) {
    const detail::submission done = detail::submit(detail::ring_access::rings(domain), ring, completions);
    if (done.error != 0 && done.error != EINTR)
        detail::throw_refusal(done.error,
                              done.fault != detail::submission_fault::none ? "submitting to io_uring"
                              : completions == 0                           ? "io_uring_submit"
                                                                           : "io_uring_submit_and_wait",
                              detail::remedy_of(done.fault));
    return done.entries;
}

/// As submit_and_wait, without waiting.
template <ring_domain Domain>
int submit(Domain& domain, io_uring& ring, std::error_code& error) noexcept {
    return submit_and_wait(domain, ring, 0, error);
}
/// As above; throws pin_error instead.
template <ring_domain Domain>
int submit(Domain& domain, io_uring& ring) {
    return submit_and_wait(domain, ring, 0);
}

} // namespace gup::inline GUP_NAMESPACE
