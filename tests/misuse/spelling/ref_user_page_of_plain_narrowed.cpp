// SPDX-License-Identifier: BSL-1.0
// misuse: ref user page of plain narrowed
// expect-error: ref_user_page is for pinned references: a second page_ref comes from get_page
#include "gup/page_ref.hpp"

void share(const gup::page_ref<struct domain>& page) { gup::ref_user_page<gup::dma_access::read>(page); }
