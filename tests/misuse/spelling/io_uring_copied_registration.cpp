// SPDX-License-Identifier: BSL-1.0
// misuse: io uring copied registration
// expect-error: (deleted|implicitly-deleted)
#include "gup/domain/io_uring.hpp"

using registration = gup::io_uring_domain<>::registration;

registration copy(const registration& pinned) { return pinned; }
