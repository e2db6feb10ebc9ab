// SPDX-License-Identifier: BSL-1.0
// misuse: copy assign user page ref
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted operator
#include "gup/user_page_ref.hpp"

void twice(gup::user_page_ref<struct domain>& to, const gup::user_page_ref<struct domain>& from) {
    to = from;
}
