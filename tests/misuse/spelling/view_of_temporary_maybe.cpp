// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: a view of a temporary one
// expect-error: a page in a temporary is put at once, and a view of it dangles
#include "../program.hpp"

void use(pool& pages) { gup::try_get_user_page(pages)->bytes()[0] = std::byte{1}; }
