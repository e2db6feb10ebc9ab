// SPDX-License-Identifier: BSL-1.0
// misuse: an address space copied
// expect-gcc-error: an address space is not copied: pass it by reference
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: an address space is not copied: pass it by reference
#include "../program.hpp"

using names = gup::address_space<domain>;

names twice(const names& file) { return file; }
