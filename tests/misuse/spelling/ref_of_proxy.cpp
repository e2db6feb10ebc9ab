// SPDX-License-Identifier: BSL-1.0
// misuse: ref_user_page of a proxy
// expect-error: a page or page_proxy is no reference
#include "../program.hpp"

void read(const gup::page_proxy* page) { auto again = gup::ref_user_page(*page); }
