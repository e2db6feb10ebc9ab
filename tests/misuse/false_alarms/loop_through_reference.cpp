// SPDX-License-Identifier: BSL-1.0
// correct: a parameter handed over and got back in a loop
// expect-clean
// expect-consumed-clang19-warning: state of variable 'page' must match at the entry and exit of loop
#include "../program.hpp"

void read(domain& ring_domain, io_uring_sqe* sqe, const io_uring_cqe* cqe, pinned& page) {
    while (!finished()) {
        gup::prep_read_fixed(sqe, 3, std::move(page), 0);
        page = gup::complete(ring_domain, cqe);
    }
}
