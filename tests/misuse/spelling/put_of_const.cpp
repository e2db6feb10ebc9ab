// SPDX-License-Identifier: BSL-1.0
// misuse: m20 put of an lvalue
// expect-error: a const reference is only lent: whoever owns it puts it, as with_user_page does
#include "../program.hpp"

void finish(const pinned& page) { gup::put_user_page(page, gup::clean); }
void finish(const pinned&& page) { gup::put_user_page(std::move(page), gup::clean); }
