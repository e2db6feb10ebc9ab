// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put with a number as the decision
// expect-error: the decision of a put is one word
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(linear_page page) { gup::put_user_page(std::move(page), true); }
