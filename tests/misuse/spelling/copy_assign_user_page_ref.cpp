// SPDX-License-Identifier: BSL-1.0
// misuse: copy assign user page ref
// expect-gcc-error: a pinned reference is not copied: a second pin is explicit
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: a pinned reference is not copied: a second pin is explicit
#include "gup/user_page_ref.hpp"

void twice(gup::user_page_ref<struct domain>& to, const gup::user_page_ref<struct domain>& from) {
    to = from;
}
