// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring try_complete without the domain
// expect-error: write try_complete\(domain, cqe\)
#include "../program.hpp"

void finish(io_uring_cqe* cqe) { auto page = gup::try_complete(cqe); }
