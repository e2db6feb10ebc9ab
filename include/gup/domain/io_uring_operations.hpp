// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The operations of io_uring on pinned pages: prepare one, and get the reference back at its final
/// completion.
///
/// Each operation owns one pin from prepare to its final completion: the first without IORING_CQE_F_MORE. Two
/// forms:
///
/// * Without user_data, the domain keeps a record and writes its own user_data; `complete(domain, cqe)` gives
///   the reference back. A completion that is not one of the domain's, or comes twice, is refused without
///   harm.
/// * With the program's user_data, prepare returns an `in_flight` token; `complete(std::move(token), cqe)`
///   gives the reference back. Only that number tells the operation: it must be of no other operation whose
///   completion has not been seen yet, on any ring, and not ~0.
///
/// liburing hands an entry out with the user_data it had last. `submit` therefore makes the entries that the
/// kernel has taken nobody's; to cancel an operation by its user_data, read that before. With
/// IORING_SETUP_SQPOLL, or with io_uring_submit instead, a program must set the user_data of every entry of
/// its own.
///
/// As the ring itself, prepare and take_back are for one thread at a time per ring, completions likewise; the
/// two may be different threads. Flags such as IOSQE_IO_LINK are set on the entry after prepare, as always
/// with liburing. IOSQE_CQE_SKIP_SUCCESS on the operation, or before it in its chain, would lose the
/// completion and is refused by `submit`.
///
/// An entry that liburing has handed out is submitted whatever becomes of it. One whose operation is refused
/// or taken back therefore becomes a no-op with the user_data ~0. It completes silently since Linux 5.17,
/// unless its chain fails or it has IOSQE_IO_DRAIN; a ring that had a silent entry refuses IOSQE_IO_DRAIN
/// from then on.

#include "gup/detail/io_uring/complete.hpp"
#include "gup/detail/io_uring/wrong_spellings.hpp"
#include "gup/in_flight.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

namespace gup {

/// A domain whose pages io_uring can use: an io_uring_domain or one that includes one.
template <class Domain>
concept ring_domain = requires(Domain& domain) {
    { domain.rings() }
    noexcept->std::same_as<detail::ring_set&>;
};

/// Reads into the page, or into `part` of it, as a fixed buffer. The reference moves to the operation if and
/// only if the call succeeds. Throws pin_error and makes the entry a no-op: EINVAL if the reference is empty,
/// `part` is not in the page, or not within one GiB of the caller's memory, or the entry is of a foreign ring;
/// ENOBUFS if all operation records are in use. The twins with `std::error_code&` set it instead.
template <class Domain, dma_access Access>
void prep_read_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                     subrange part = {}) {
    detail::prepare<detail::ring_opcode::read>(sqe, fd, ref, offset, part, detail::throwing{});
}
template <class Domain, dma_access Access>
void prep_read_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                     std::uint64_t offset, subrange part, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::read>(sqe, fd, ref, offset, part, error);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>>
prep_read_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                subrange part, std::uint64_t user_data) {
    return detail::prepare_token<detail::ring_opcode::read>(sqe, fd, ref, offset, part, user_data,
                                                            detail::throwing{});
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> prep_read_fixed(io_uring_sqe& sqe, int fd,
                                                         user_page_ref<Domain, Access>&& ref,
                                                         std::uint64_t offset, std::uint64_t user_data) {
    return prep_read_fixed(sqe, fd, std::move(ref), offset, subrange{}, user_data);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>>
prep_read_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                std::uint64_t offset, subrange part, std::uint64_t user_data,
                std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::read>(sqe, fd, ref, offset, part, user_data, error);
}

/// Writes the page, or `part` of it, as a fixed buffer; for references of any access. Otherwise as
/// prep_read_fixed.
template <class Domain, dma_access Access>
void prep_write_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                      subrange part = {}) {
    detail::prepare<detail::ring_opcode::write>(sqe, fd, ref, offset, part, detail::throwing{});
}
template <class Domain, dma_access Access>
void prep_write_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                      std::uint64_t offset, subrange part, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::write>(sqe, fd, ref, offset, part, error);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>>
prep_write_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref, std::uint64_t offset,
                 subrange part, std::uint64_t user_data) {
    return detail::prepare_token<detail::ring_opcode::write>(sqe, fd, ref, offset, part, user_data,
                                                             detail::throwing{});
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> prep_write_fixed(io_uring_sqe& sqe, int fd,
                                                          user_page_ref<Domain, Access>&& ref,
                                                          std::uint64_t offset, std::uint64_t user_data) {
    return prep_write_fixed(sqe, fd, std::move(ref), offset, subrange{}, user_data);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>>
prep_write_fixed(io_uring_sqe& sqe, int fd, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                 std::uint64_t offset, subrange part, std::uint64_t user_data,
                 std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::write>(sqe, fd, ref, offset, part, user_data, error);
}

/// Sends the page, or `part` of it, without copying; for references of any access. `flags` are those of
/// send(2). The result comes with the first completion, the reference back with the last, which may be the
/// same one if the send failed. A send that is cancelled with its chain is over at once, but Linux (6.18)
/// posts a notification after that all the same: it is refused as stale, and a program that chooses user_data
/// must not give the same to another send until it has come. Otherwise as prep_read_fixed.
template <class Domain, dma_access Access>
void prep_send_zc_fixed(io_uring_sqe& sqe, int socket, user_page_ref<Domain, Access>&& ref, int flags,
                        subrange part = {}) {
    detail::prepare<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags), part,
                                                  detail::throwing{});
}
template <class Domain, dma_access Access>
void prep_send_zc_fixed(io_uring_sqe& sqe, int socket, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                        int flags, subrange part, std::error_code& error) noexcept {
    detail::prepare<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags), part, error);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> prep_send_zc_fixed(io_uring_sqe& sqe, int socket,
                                                            user_page_ref<Domain, Access>&& ref, int flags,
                                                            subrange part, std::uint64_t user_data) {
    return detail::prepare_token<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags),
                                                               part, user_data, detail::throwing{});
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>> prep_send_zc_fixed(io_uring_sqe& sqe, int socket,
                                                            user_page_ref<Domain, Access>&& ref, int flags,
                                                            std::uint64_t user_data) {
    return prep_send_zc_fixed(sqe, socket, std::move(ref), flags, subrange{}, user_data);
}
template <class Domain, dma_access Access>
in_flight<user_page_ref<Domain, Access>>
prep_send_zc_fixed(io_uring_sqe& sqe, int socket, user_page_ref<Domain, Access>&& ref GUP_LEAVES_UNKNOWN,
                   int flags, subrange part, std::uint64_t user_data, std::error_code& error) noexcept {
    return detail::prepare_token<detail::ring_opcode::send_zc>(sqe, socket, ref, detail::send_flags(flags),
                                                               part, user_data, error);
}

/// True if the completion is of an operation that the domain has a record of and that is still in flight.
template <ring_domain Domain>
bool owns(const Domain& domain, const io_uring_cqe& cqe) noexcept {
    return domain.rings().find(cqe.user_data).record != nullptr;
}

/// The reference of a finished operation; its page is dirty if the device could have written. The result is
/// cqe.res. `Access` is that of the reference which was handed over. Throws pin_error and changes nothing:
/// ESTALE if the completion is foreign or its operation is over, EINPROGRESS if more completions are to come,
/// EINVAL if the reference was of another access or domain.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] user_page_ref<Domain, Access> complete(Domain& domain,
                                                                             const io_uring_cqe& cqe) {
    detail::completion done = detail::finish<Domain>(domain.rings(), cqe, Access);
    if (done.fault != detail::completion_fault::none) detail::throw_completion_fault(done.fault);
    return detail::reference_access::make<user_page_ref<Domain, Access>>(done.word);
}
/// As complete; empty where that throws, so also while more completions are to come.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] std::optional<user_page_ref<Domain, Access>>
try_complete(Domain& domain, const io_uring_cqe& cqe) noexcept {
    const detail::completion done = detail::finish<Domain>(domain.rings(), cqe, Access);
    if (done.fault != detail::completion_fault::none) return std::nullopt;
    auto ref = detail::reference_access::make<user_page_ref<Domain, Access>>(done.word);
    return std::optional(std::move(ref));
}

/// The reference of a finished operation with the program's own user_data. Throws pin_error and leaves the
/// token as it is: ESTALE if the token is empty or the completion has another user_data, EINPROGRESS if more
/// are to come.
template <class Ref>
[[nodiscard("the page must be put")]] Ref complete(in_flight<Ref>&& token, const io_uring_cqe& cqe) {
    const detail::completion_fault fault = detail::check_token(token, cqe);
    if (fault != detail::completion_fault::none) detail::throw_completion_fault(fault);
    return detail::finish_token(token);
}
/// As complete; empty where that throws, so also while more completions are to come.
template <class Ref>
[[nodiscard("the page must be put")]] std::optional<Ref> try_complete(in_flight<Ref>& token,
                                                                      const io_uring_cqe& cqe) noexcept {
    if (detail::check_token(token, cqe) != detail::completion_fault::none) return std::nullopt;
    auto ref = detail::finish_token(token);
    return std::optional(std::move(ref));
}

/// The reference of an operation that was prepared but not submitted; its entry becomes a no-op, and the
/// others of its chain stay in order. Throws pin_error and changes nothing: EBUSY if the kernel may have
/// taken the entry, ESTALE or EINVAL as complete.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] user_page_ref<Domain, Access> take_back(Domain& domain,
                                                                              io_uring_sqe& sqe) {
    const detail::completion undone = detail::undo<Domain>(domain.rings(), sqe, Access);
    if (undone.fault != detail::completion_fault::none) detail::throw_completion_fault(undone.fault);
    return detail::reference_access::make<user_page_ref<Domain, Access>>(undone.word);
}
template <class Ref>
[[nodiscard("the page must be put")]] Ref take_back(in_flight<Ref>&& token, io_uring_sqe& sqe) {
    const detail::completion_fault fault = detail::undo_token(token, sqe);
    if (fault != detail::completion_fault::none) detail::throw_completion_fault(fault);
    return detail::give_back_token(token);
}
/// As take_back; empty where that throws.
template <dma_access Access = dma_access::read_write, ring_domain Domain>
[[nodiscard("the page must be put")]] std::optional<user_page_ref<Domain, Access>>
try_take_back(Domain& domain, io_uring_sqe& sqe) noexcept {
    const detail::completion undone = detail::undo<Domain>(domain.rings(), sqe, Access);
    if (undone.fault != detail::completion_fault::none) return std::nullopt;
    auto ref = detail::reference_access::make<user_page_ref<Domain, Access>>(undone.word);
    return std::optional(std::move(ref));
}
template <class Ref>
[[nodiscard("the page must be put")]] std::optional<Ref> try_take_back(in_flight<Ref>& token,
                                                                       io_uring_sqe& sqe) noexcept {
    if (detail::undo_token(token, sqe) != detail::completion_fault::none) return std::nullopt;
    auto ref = detail::give_back_token(token);
    return std::optional(std::move(ref));
}

/// Submits what is prepared on a ring of the domain and waits for `completions` of them
/// (io_uring_submit_and_wait), after looking for IOSQE_CQE_SKIP_SUCCESS on operations that own a page and
/// before them in their chains: such an operation might never give it back. Returns the number of entries
/// submitted. Sets `error` to EINVAL for that flag, with nothing submitted, or to the kernel's errno; also to
/// EINTR if a signal ended the wait after entries were submitted. Call it again to go on waiting.
template <ring_domain Domain>
int submit_and_wait(Domain& domain, io_uring& ring, unsigned completions, std::error_code& error) noexcept {
    domain.rings().settle();
    error = detail::check_submission(domain.rings(), ring);
    if (error) return 0;
    const unsigned from = detail::first_unsubmitted(ring);
    const int submitted = io_uring_submit_and_wait(&ring, completions);
    detail::forget_entries(ring, from);
    if (submitted < 0)
        error = {-submitted, std::system_category()};
    else if (detail::wait_ended_early(ring, completions))
        error = {EINTR, std::system_category()};
    return submitted < 0 ? 0 : submitted;
}
/// As above; throws pin_error instead.
template <ring_domain Domain>
int submit_and_wait(Domain& domain, io_uring& ring, unsigned completions) {
    std::error_code error;
    const int submitted = submit_and_wait(domain, ring, completions, error);
    if (error) detail::throw_submit_fault(error);
    return submitted;
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

} // namespace gup
