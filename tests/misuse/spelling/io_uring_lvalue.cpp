// SPDX-License-Identifier: BSL-1.0
// misuse: io uring lvalue
// expect-error: takes the reference over until it completes: write prep_write_fixed\(sqe, fd,
// std::move\(ref\), ...\)
#include "gup/domain/io_uring.hpp"

void write(io_uring_sqe& entry, gup::user_page_ref<gup::io_uring_domain<>>& page) {
    gup::prep_write_fixed(entry, 3, page, 0);
}
