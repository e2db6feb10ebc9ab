// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring submit of a pointer to a ring
// expect-error: both by name: write submit\(domain, ring\)
#include "../program.hpp"

void submit(domain& in, io_uring& ring) { gup::submit(in, &ring); }
