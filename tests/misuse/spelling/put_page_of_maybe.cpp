// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: an ordinary reference put
// expect-error: there may be no page in it: look whether there is one.*put_page
#include "../program.hpp"

void finish(pool& pages) { gup::put_page(gup::try_get_page(pages)); }
