// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring complete of a ring
// expect-error: a ring is no domain
#include "../program.hpp"

#include <liburing.h>

void finish(io_uring& ring, io_uring_cqe* cqe) { auto page = gup::complete(ring, cqe); }
