// SPDX-License-Identifier: BSL-1.0
// misuse: m06 use after move
// expect-linear-error: may have been put, moved or handed on before
#include "../program.hpp"

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    auto taken = std::move(page);
    use(page.bytes());
    gup::put_user_page(std::move(taken), gup::dirty);
}
