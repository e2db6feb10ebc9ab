// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put without a decision
// expect-error: a put of a writable page must say whether it was written
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(linear_page page) { gup::put_user_page(std::move(page)); }
