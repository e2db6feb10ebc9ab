// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: io_uring read
// expect-error: there may be no page in it: look whether there is one.*prep_read_fixed
#include "../program.hpp"

void start(pool& pages, io_uring_sqe* sqe) { gup::prep_read_fixed(sqe, 0, gup::try_get_user_page(pages), 0); }
