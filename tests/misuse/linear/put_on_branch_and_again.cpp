// SPDX-License-Identifier: BSL-1.0
// misuse: m07 put on a branch, and again
// expect-linear-error: may have been put, moved or handed on before
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    if (finished()) gup::put_user_page(std::move(page), gup::clean);
    gup::put_user_page(std::move(page), gup::dirty);
}
