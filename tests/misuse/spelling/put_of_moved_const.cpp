// SPDX-License-Identifier: BSL-1.0
// misuse: a put of a moved const reference
// expect-error: a const reference is only lent
#include "../program.hpp"

void finish(pool& pages) {
    const auto page = gup::get_user_page(pages);
    gup::put_user_page(std::move(page), gup::clean);
}
