// SPDX-License-Identifier: BSL-1.0
// misuse: ref_user_page of an optional
// expect-error: Of a pointer, optional or maybe pass what it holds, \*ref
#include "../program.hpp"

void read(std::optional<pinned>& page) { auto again = gup::ref_user_page(page); }
