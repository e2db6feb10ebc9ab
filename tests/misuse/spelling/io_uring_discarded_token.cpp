// SPDX-License-Identifier: BSL-1.0
// misuse: io uring discarded token
// expect-warning: an operation in flight owns a page: keep the token until its completion
#include "gup/domain/io_uring.hpp"

void write(io_uring_sqe& entry, gup::user_page_ref<gup::io_uring_domain<>> page) {
    gup::prep_write_fixed(entry, 3, std::move(page), 0, {.user_data = 42});
}
