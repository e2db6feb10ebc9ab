// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_page of a linear reference
// expect-error: a second pin of the same page comes from ref_user_page
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(const linear_page& page) { gup::get_user_page(page); }
