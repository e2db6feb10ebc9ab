// SPDX-License-Identifier: BSL-1.0
// misuse: the slot of a registration changed by the program
// expect-error: (has no member named|no member named) .first_slot_?.
#include "gup/domain/io_uring.hpp"

void forge(gup::io_uring_domain<>::registration& pinned) { pinned.first_slot = 7; }
