// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Wrong spellings of the operations of io_uring, each with the right one. A part in braces is a subrange.

#include "gup/linear.hpp"
#include "gup/subrange.hpp"
#include "gup/user_page_ref.hpp"

#include <cstdint>

struct io_uring_sqe;

namespace gup {

template <class Domain, dma_access Access, class Part = subrange, class... Rest>
void prep_read_fixed(io_uring_sqe&, int, user_page_ref<Domain, Access>&, std::uint64_t, const Part& = {},
                     Rest&&...) {
    static_assert(detail::never<Domain>, "the operation takes the reference over until it completes: write "
                                         "prep_read_fixed(sqe, fd, std::move(ref), ...)");
}
template <class Domain, class Part = subrange, class... Rest>
void prep_read_fixed(io_uring_sqe&, int, const page_ref<Domain>&, std::uint64_t, const Part& = {},
                     Rest&&...) {
    static_assert(detail::never<Domain>, "a page_ref is no licence for DMA: pin the page and hand the pin "
                                         "over, prep_read_fixed(sqe, fd, get_user_page(ref), ...)");
}
template <class Ref, class Part = subrange, class... Rest>
void prep_read_fixed(io_uring_sqe&, int, const linear<Ref>&, std::uint64_t, const Part& = {}, Rest&&...) {
    static_assert(detail::never<Ref>, "an operation takes an ordinary reference: write prep_read_fixed(sqe, "
                                      "fd, std::move(ref).relax(), ...)");
}

template <class Domain, dma_access Access, class Part = subrange, class... Rest>
void prep_write_fixed(io_uring_sqe&, int, user_page_ref<Domain, Access>&, std::uint64_t, const Part& = {},
                      Rest&&...) {
    static_assert(detail::never<Domain>, "the operation takes the reference over until it completes: write "
                                         "prep_write_fixed(sqe, fd, std::move(ref), ...)");
}
template <class Domain, class Part = subrange, class... Rest>
void prep_write_fixed(io_uring_sqe&, int, const page_ref<Domain>&, std::uint64_t, const Part& = {},
                      Rest&&...) {
    static_assert(detail::never<Domain>, "a page_ref is no licence for DMA: pin the page and hand the pin "
                                         "over, prep_write_fixed(sqe, fd, get_user_page(ref), ...)");
}
template <class Ref, class Part = subrange, class... Rest>
void prep_write_fixed(io_uring_sqe&, int, const linear<Ref>&, std::uint64_t, const Part& = {}, Rest&&...) {
    static_assert(detail::never<Ref>, "an operation takes an ordinary reference: write prep_write_fixed(sqe, "
                                      "fd, std::move(ref).relax(), ...)");
}

template <class Domain, dma_access Access, class Part = subrange, class... Rest>
void prep_send_zc_fixed(io_uring_sqe&, int, user_page_ref<Domain, Access>&, std::uint64_t, const Part& = {},
                        Rest&&...) {
    static_assert(detail::never<Domain>, "the operation takes the reference over until it completes: write "
                                         "prep_send_zc_fixed(sqe, socket, std::move(ref), ...)");
}
template <class Domain, class Part = subrange, class... Rest>
void prep_send_zc_fixed(io_uring_sqe&, int, const page_ref<Domain>&, std::uint64_t, const Part& = {},
                        Rest&&...) {
    static_assert(detail::never<Domain>, "a page_ref is no licence for DMA: pin the page and hand the pin "
                                         "over, prep_send_zc_fixed(sqe, socket, get_user_page(ref), ...)");
}
template <class Ref, class Part = subrange, class... Rest>
void prep_send_zc_fixed(io_uring_sqe&, int, const linear<Ref>&, std::uint64_t, const Part& = {}, Rest&&...) {
    static_assert(detail::never<Ref>, "an operation takes an ordinary reference: write "
                                      "prep_send_zc_fixed(sqe, socket, std::move(ref).relax(), ...)");
}

} // namespace gup
