// SPDX-License-Identifier: BSL-1.0
// misuse: narrow for wide
// expect-gcc-error: could not convert|invalid initialization|conversion from
// expect-clang-error: no matching function for call
#include "gup/user_page_ref.hpp"

void read_file(gup::user_page_ref<struct domain> into);
void use(gup::user_page_ref<struct domain, gup::dma_access::read> page) { read_file(std::move(page)); }
