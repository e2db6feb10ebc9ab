// SPDX-License-Identifier: BSL-1.0
// misuse: a struct with a pinned reference copied
// expect-gcc-later-error: a pinned reference is not copied: a second pin is explicit
// expect-clang-error: call to implicitly-deleted copy constructor of
#include "../program.hpp"

struct block {
    pinned page;
};

void read(block& one) { block again = one; }
