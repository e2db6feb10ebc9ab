// SPDX-License-Identifier: BSL-1.0
// misuse: a pin found by name the fast way discarded
// expect-gcc-warning: the pin must be put
// expect-clang-warning: a page in a maybe that is thrown away is put at once
#include "../program.hpp"

using names = gup::address_space<domain>;

void look(names& file) { gup::get_user_page_fast(file, 1); }
