// SPDX-License-Identifier: BSL-1.0
// misuse: put page of lvalue
// expect-error: a const reference is only lent: whoever owns it puts it
#include "gup/page_ref.hpp"

void finish(const gup::page_ref<struct domain>& page) { gup::put_page(page); }
