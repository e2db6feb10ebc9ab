// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: a named one put
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void finish(gup::maybe<pinned>& page) { gup::put_user_page(page, gup::clean); }
