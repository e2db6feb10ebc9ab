// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring complete of an optional token
// expect-error: Of a pointer, optional or maybe pass what it holds
#include "../program.hpp"

void finish(std::optional<token>& read, io_uring_cqe* cqe) { auto page = gup::complete(read, cqe); }
