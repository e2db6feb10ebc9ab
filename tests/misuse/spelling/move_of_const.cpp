// SPDX-License-Identifier: BSL-1.0
// misuse: a const pinned reference moved
// expect-error: a pinned reference is not copied: a second pin is explicit
#include "../program.hpp"

void read(const pinned page) { pinned again = std::move(page); }
