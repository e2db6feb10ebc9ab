// SPDX-License-Identifier: BSL-1.0
// misuse: io uring discarded complete
// expect-gcc-warning: the page must be put
// expect-clang-warning: a pinned page that is thrown away is put at once
#include "gup/domain/io_uring.hpp"

void finish(gup::io_uring_domain<>& domain, const io_uring_cqe& cqe) { gup::complete(domain, cqe); }
