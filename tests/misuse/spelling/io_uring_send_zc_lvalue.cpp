// SPDX-License-Identifier: BSL-1.0
// misuse: io uring send zc of an lvalue
// expect-error: takes the reference over until it completes: write prep_send_zc_fixed
#include "../program.hpp"

void start(io_uring_sqe& entry, pinned& page) { gup::prep_send_zc_fixed(entry, 3, page, 0); }
