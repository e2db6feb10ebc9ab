// SPDX-License-Identifier: BSL-1.0
// misuse: a page found by name discarded
// expect-gcc-warning: the reference must be put
// expect-clang-warning: a page in a maybe that is thrown away is put at once
#include "../program.hpp"

using names = gup::address_space<domain>;

void look(names& file) { gup::find_get_page(file, 1); }
