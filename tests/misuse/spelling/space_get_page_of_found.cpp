// SPDX-License-Identifier: BSL-1.0
// misuse: get_page of a pin found by name
// expect-error: get_page is for ordinary references
#include "../program.hpp"

using names = gup::address_space<domain>;

void hold(names& file) {
    auto page = gup::find_get_user_page(file, 1);
    if (page) gup::get_page(*page);
}
