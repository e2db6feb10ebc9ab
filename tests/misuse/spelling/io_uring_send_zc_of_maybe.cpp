// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: io_uring send_zc
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void start(gup::maybe<pinned> page, io_uring_sqe* sqe) {
    gup::prep_send_zc_fixed(sqe, 0, std::move(page), 0, {.user_data = 7});
}
