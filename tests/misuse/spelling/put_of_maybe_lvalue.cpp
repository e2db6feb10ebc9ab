// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: a named one put
// expect-error: there may be no page in it: look whether there is one
#include "../program.hpp"

void finish(gup::maybe<pinned>& page) { gup::put_user_page(page, gup::clean); }
