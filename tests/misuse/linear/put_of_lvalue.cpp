// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put of an lvalue
// expect-error: put_user_page takes the reference over
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(linear_page page) { gup::put_user_page(page, gup::clean); }
