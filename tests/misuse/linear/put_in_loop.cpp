// SPDX-License-Identifier: BSL-1.0
// misuse: m08 put in a loop
// expect-linear-error: may have been put, moved or handed on before
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    while (!finished()) gup::put_user_page(std::move(page), gup::dirty);
}
