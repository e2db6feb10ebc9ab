// SPDX-License-Identifier: BSL-1.0
// misuse: L 3a3c6d61577d io_uring/rsrc: a range that reaches beyond its buffer
// expect-run-error: reaches beyond the page
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        gup::prep_write_fixed(io_uring_get_sqe(&io.ring), 1, gup::get_user_page(pages), 0,
                              {.part = {.offset = 1, .length = 4096}});
    });
}
