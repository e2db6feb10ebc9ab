// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring take_back without the domain
// expect-error: write take_back\(domain, sqe\)
#include "../program.hpp"

void stop(io_uring_sqe* sqe) { auto page = gup::take_back(sqe); }
