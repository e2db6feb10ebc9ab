// SPDX-License-Identifier: BSL-1.0
// misuse: get_page of a linear reference
// expect-error: get_page is for ordinary references
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(const linear_page& page) { gup::get_page(page); }
