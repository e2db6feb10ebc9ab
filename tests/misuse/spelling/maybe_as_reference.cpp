// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: taken for the reference
// expect-error: a maybe is no reference, there may be no page in it
#include "../program.hpp"

void use(pool& pages) {
    pinned page = gup::try_get_user_page(pages);
    gup::put_user_page(std::move(page), gup::clean);
}
