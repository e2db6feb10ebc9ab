// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: copied
// expect-gcc-error: use of deleted function
// expect-clang-error: copy constructor of .* is implicitly deleted
#include "../program.hpp"

gup::maybe<pinned> same(const gup::maybe<pinned>& page) { return page; }
