// SPDX-License-Identifier: BSL-1.0
// misuse: put_page of a named linear reference
// expect-error: put_page is for ordinary references
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(linear_page page) { gup::put_page(page); }
