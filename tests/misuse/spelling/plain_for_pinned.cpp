// SPDX-License-Identifier: BSL-1.0
// misuse: plain for pinned
// expect-error: a page_ref is no licence for DMA: get_user_page\(ref\) pins its page
#include "gup/user_page_ref.hpp"

void read_file(gup::user_page_ref<struct domain> into);
void use(gup::page_ref<struct domain> page) { read_file(std::move(page)); }
