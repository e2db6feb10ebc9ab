// SPDX-License-Identifier: BSL-1.0
// misuse: plain for pinned
// expect-gcc-error: use of deleted function
// expect-clang-error: invokes a deleted function
#include "gup/user_page_ref.hpp"

void read_file(gup::user_page_ref<struct domain> into);
void use(gup::page_ref<struct domain> page) { read_file(std::move(page)); }
