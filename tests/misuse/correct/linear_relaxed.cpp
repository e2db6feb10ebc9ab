// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference handed on
// expect-linear-clean
#include "../program.hpp"

pinned read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    use(page.bytes());
    return std::move(page).relax();
}
