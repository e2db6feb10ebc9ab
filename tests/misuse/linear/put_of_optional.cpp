// SPDX-License-Identifier: BSL-1.0
// misuse: a linear put of an optional
// expect-error: write put_user_page\(std::move\(ref\), gup::dirty\) or gup::clean. Of a pointer, optional or maybe
// pass what it holds
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void finish(std::optional<linear_page> page) { gup::put_user_page(std::move(page), gup::clean); }
