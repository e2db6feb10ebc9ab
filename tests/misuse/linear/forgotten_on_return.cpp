// SPDX-License-Identifier: BSL-1.0
// misuse: m09 leak on early return
// expect-linear-error: may end without a put here
#include "../program.hpp"

bool read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    if (finished()) return false;
    gup::put_user_page(std::move(page), gup::dirty);
    return true;
}
