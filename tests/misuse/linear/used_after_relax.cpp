// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference used after it was handed on
// expect-linear-error: may have been put, moved or handed on before
#include "../program.hpp"

pinned read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    pinned ordinary = std::move(page).relax();
    use(page.bytes());
    return ordinary;
}
