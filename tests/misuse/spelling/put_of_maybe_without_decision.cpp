// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: put without a decision
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void finish(gup::maybe<reader>& page) { gup::put_user_page(std::move(page)); }
