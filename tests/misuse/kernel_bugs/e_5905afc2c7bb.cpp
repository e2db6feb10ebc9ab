// SPDX-License-Identifier: BSL-1.0
// misuse: E 5905afc2c7bb block: one pin for two segments of a page
// expect-run-error: the reference is empty
// expect-consumed-clean
#include "../running.hpp"

int main() {
    return run([] {
        ring_handle io;
        domain ring{io.ring};
        pool pages{ring, {.pages = 1}};
        auto page = gup::get_user_page(pages);
        gup::prep_write_fixed(io_uring_get_sqe(&io.ring), 1, std::move(page), 0, {.part = {.length = 512}});
        gup::prep_write_fixed(io_uring_get_sqe(&io.ring), 1, std::move(page), 0,
                              {.part = {.offset = 512, .length = 512}});
    });
}
