// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: io_uring read
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void start(pool& pages, io_uring_sqe* sqe) { gup::prep_read_fixed(sqe, 0, gup::try_get_user_page(pages), 0); }
