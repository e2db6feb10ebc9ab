// SPDX-License-Identifier: BSL-1.0
// misuse: an address space copied
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted constructor
#include "../program.hpp"

using names = gup::address_space<domain>;

names twice(const names& file) { return file; }
