// SPDX-License-Identifier: BSL-1.0
// misuse: a put of a pointer to a reference
// expect-error: write put_user_page\(std::move\(ref\), gup::dirty\) or gup::clean. Of a pointer, optional or maybe
// pass what it holds
#include "../program.hpp"

void finish(pinned& page) { gup::put_user_page(&page, gup::dirty); }
