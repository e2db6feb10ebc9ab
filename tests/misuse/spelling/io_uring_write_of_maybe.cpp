// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: io_uring write
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void start(pool& pages, io_uring_sqe* sqe) {
    gup::prep_write_fixed(sqe, 0, gup::try_get_user_page(pages), 0);
}
