// SPDX-License-Identifier: BSL-1.0
// misuse: a const pinned reference copied
// expect-gcc-error: a pinned reference is not copied: a second pin is explicit
// expect-clang14-error: call to deleted constructor of
// expect-clang19-error: a pinned reference is not copied: a second pin is explicit
#include "../program.hpp"

void read(const pinned& page) { pinned again = page; }
