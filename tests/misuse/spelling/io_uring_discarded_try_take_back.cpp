// SPDX-License-Identifier: BSL-1.0
// misuse: io uring discarded try take back
// expect-gcc-warning: the page must be put
// expect-clang-warning: a page in a maybe that is thrown away is put at once
#include "gup/domain/io_uring.hpp"

void undo(gup::io_uring_domain<>& domain, io_uring_sqe& entry) { gup::try_take_back(domain, entry); }
