// SPDX-License-Identifier: BSL-1.0
// misuse: narrow for wide
// expect-error: domains do not share pins, ref_user_page<access>\(ref\) narrows an access, and nothing widens
// it
#include "gup/user_page_ref.hpp"

void read_file(gup::user_page_ref<struct domain> into);
void use(gup::user_page_ref<struct domain, gup::dma_access::read> page) { read_file(std::move(page)); }
