// SPDX-License-Identifier: BSL-1.0
// misuse: m05 use after put
// expect-linear-error: may have been put, moved or handed on before
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    gup::put_user_page(std::move(page), gup::dirty);
    use(page.bytes());
}
