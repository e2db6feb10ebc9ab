// SPDX-License-Identifier: BSL-1.0
// misuse: m18 view of a temporary
// expect-error: bytes...of a temporary user_page_ref would dangle at once
#include "gup/user_page_ref.hpp"

auto peek(const gup::user_page_ref<struct domain>& page) { return gup::ref_user_page(page).bytes(); }
