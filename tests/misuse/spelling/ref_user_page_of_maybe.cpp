// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: pinned again
// expect-error: there may be no page in it: look whether there is one.*ref_user_page
#include "../program.hpp"

pinned again(const gup::maybe<pinned>& page) { return gup::ref_user_page(page); }
