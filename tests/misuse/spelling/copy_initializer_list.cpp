// SPDX-License-Identifier: BSL-1.0
// misuse: a vector made of a list of pinned references
// expect-gcc-later-error: a pinned reference is not copied: a second pin is explicit
// expect-clang14-later-error: call to deleted constructor of
// expect-clang19-later-error: a pinned reference is not copied: a second pin is explicit
#include "../program.hpp"

void read(pinned page) { std::vector<pinned> pages{std::move(page)}; }
