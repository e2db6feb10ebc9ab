// SPDX-License-Identifier: BSL-1.0
// misuse: discarded reference of a function
// expect-warning: a pinned page that is thrown away is put at once
#include "gup/user_page_ref.hpp"

gup::user_page_ref<struct domain> next();
void skip() { next(); }
