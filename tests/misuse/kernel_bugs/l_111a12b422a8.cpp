// SPDX-License-Identifier: BSL-1.0
// misuse: L 111a12b422a8 io_uring/rsrc: a fixed buffer of length zero
// expect-run-error: the subrange is empty
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        gup::prep_write_fixed(io_uring_get_sqe(&io.ring), 1, gup::get_user_page(pages), 0,
                              {.part = {.length = 0}});
    });
}
