// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put of a const reference
// expect-error: a const reference is only lent
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(const linear_page page) { gup::put_user_page(std::move(page), gup::clean); }
