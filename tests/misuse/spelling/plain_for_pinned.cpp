// SPDX-License-Identifier: BSL-1.0
// misuse: plain for pinned
// expect-gcc-error: could not convert|invalid initialization|conversion from
// expect-clang-error: no matching function for call
#include "gup/user_page_ref.hpp"

void read_file(gup::user_page_ref<struct domain> into);
void use(gup::page_ref<struct domain> page) { read_file(std::move(page)); }
