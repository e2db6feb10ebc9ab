// SPDX-License-Identifier: BSL-1.0
// misuse: m20 put of an lvalue
// expect-error: put_user_page takes the reference over
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain>& page) { gup::put_user_page(page, gup::clean); }
