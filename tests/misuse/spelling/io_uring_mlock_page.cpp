// SPDX-License-Identifier: BSL-1.0
// misuse: m17 a page pinned in another kind of domain
// expect-error: this page is not pinned for io_uring: its pool must be made with an io_uring_domain
#include "gup/domain/io_uring.hpp"
#include "gup/domain/mlock.hpp"

void write(io_uring_sqe& entry, gup::user_page_ref<gup::mlock_domain> page) {
    gup::prep_write_fixed(entry, 3, std::move(page), 0);
}
