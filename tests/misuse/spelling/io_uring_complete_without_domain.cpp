// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring complete without the domain
// expect-error: complete takes whose operation it is, by name, and then what has come: write
// complete\(domain, cqe\)
#include "../program.hpp"

void finish(io_uring_cqe* cqe) { auto page = gup::complete(cqe); }
