// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring complete with the completion first
// expect-error: write complete\(domain, cqe\)
#include "../program.hpp"

void finish(domain& in, io_uring_cqe* cqe) { auto page = gup::complete(cqe, in); }
