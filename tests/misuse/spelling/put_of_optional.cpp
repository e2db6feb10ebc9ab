// SPDX-License-Identifier: BSL-1.0
// misuse: put of a std::optional
// expect-error: there may be no page in it: look whether there is one
#include "../program.hpp"

void finish(std::optional<pinned> page) { gup::put_user_page(std::move(page), gup::dirty); }
