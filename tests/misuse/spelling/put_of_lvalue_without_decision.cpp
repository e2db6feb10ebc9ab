// SPDX-License-Identifier: BSL-1.0
// misuse: put of lvalue without decision
// expect-error: put_user_page takes the reference over
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain>& page) { gup::put_user_page(page); }
void finish(gup::user_page_ref<struct domain, gup::dma_access::read>& page) { gup::put_user_page(page); }
