// SPDX-License-Identifier: BSL-1.0
// misuse: io uring user_data without its name
// expect-error: say what the number or pointer is: .*cookie.*comes back with the page
#include "../program.hpp"

void start(io_uring_sqe* entry, pinned page, void* request) {
    auto operation = gup::prep_read_fixed(entry, 3, std::move(page), 0, request);
    static_cast<void>(operation.user_data());
}
