// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put of a read reference with a decision
// expect-error: nothing is written through a read reference
#include "../program.hpp"

void finish(gup::linear<reader> page) { gup::put_user_page(std::move(page), gup::clean); }
