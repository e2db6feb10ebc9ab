// SPDX-License-Identifier: BSL-1.0
// misuse: a pin found by name discarded
// expect-warning: the pin must be put
#include "../program.hpp"

using names = gup::address_space<domain>;

void look(names& file) { gup::find_get_user_page(file, 1); }
