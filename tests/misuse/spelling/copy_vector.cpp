// SPDX-License-Identifier: BSL-1.0
// misuse: a vector of pinned references copied
// expect-gcc-later-error: a pinned reference is not copied: a second pin is explicit
// expect-clang14-later-error: call to deleted constructor of
// expect-clang19-later-error: a pinned reference is not copied: a second pin is explicit
#include "../program.hpp"

void read(const std::vector<pinned>& pages) { auto again = pages; }
