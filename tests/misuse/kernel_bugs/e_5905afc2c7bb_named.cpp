// SPDX-License-Identifier: BSL-1.0
// misuse: E 5905afc2c7bb block: one pin for two segments of a page
// expect-error: takes the reference over until it completes: write prep_write_fixed
#include "../program.hpp"

void write(pinned page, io_uring_sqe& first, io_uring_sqe& second) {
    gup::prep_write_fixed(first, 1, page, 0, {.part = {.offset = 0, .length = 512}});
    gup::prep_write_fixed(second, 1, page, 512, {.part = {.offset = 512, .length = 512}});
}
