// SPDX-License-Identifier: BSL-1.0
// misuse: put page of lvalue
// expect-error: put_page takes the reference over
#include "gup/page_ref.hpp"

void finish(gup::page_ref<struct domain>& page) { gup::put_page(page); }
