// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring submit without the domain
// expect-error: both by name: write submit\(domain, ring\)
#include "../program.hpp"

void submit(io_uring& ring) { gup::submit(ring); }
