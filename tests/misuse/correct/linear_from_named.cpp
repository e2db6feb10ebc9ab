// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference made of a named one
// expect-linear-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    gup::linear proven{std::move(page)};
    use(proven.bytes());
    gup::put_user_page(std::move(proven), gup::dirty);
}
