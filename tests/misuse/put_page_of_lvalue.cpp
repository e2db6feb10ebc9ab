// SPDX-License-Identifier: BSL-1.0
// expect-error: put_page takes the reference over
#include "gup/page_ref.hpp"

void finish(gup::page_ref<struct domain>& page) { gup::put_page(page); }
