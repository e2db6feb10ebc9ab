// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: put without a decision
// expect-error: there may be no page in it: look whether there is one
#include "../program.hpp"

void finish(gup::maybe<reader>& page) { gup::put_user_page(std::move(page)); }
