// SPDX-License-Identifier: BSL-1.0
// misuse: m01 never put
// expect-linear-error: may end without a put here
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    use(page.bytes());
}
