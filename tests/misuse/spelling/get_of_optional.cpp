// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_page of an optional
// expect-error: Of a pointer, optional or maybe pass what it holds, \*ref
#include "../program.hpp"

void read(std::optional<plain>& page) { auto again = gup::get_user_page(page); }
