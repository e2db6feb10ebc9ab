// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring read into an optional
// expect-error: Of a pointer, optional or maybe pass what it holds, std::move\(\*ref\)
#include "../program.hpp"

void read(io_uring_sqe* sqe, std::optional<pinned> page) {
    auto token = gup::prep_read_fixed(sqe, 3, std::move(page), 0, {.user_data = 1});
}
