// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: pinned again
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

pinned again(const gup::maybe<pinned>& page) { return gup::ref_user_page(page); }
