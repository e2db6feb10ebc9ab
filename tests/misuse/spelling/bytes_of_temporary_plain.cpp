// SPDX-License-Identifier: BSL-1.0
// misuse: bytes of temporary plain
// expect-error: bytes...of a temporary page_ref would dangle at once
#include "gup/page_ref.hpp"

auto peek(const gup::page_ref<struct domain>& page) { return gup::get_page(page).bytes(); }
