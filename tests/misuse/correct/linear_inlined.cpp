// SPDX-License-Identifier: BSL-1.0
// correct: a linear reference given to a function that is always inlined
// expect-linear-clean
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

[[gnu::always_inline]] static inline void finish(linear_page&& page, gup::put_as how) {
    for (int i = 0; i < 10 && !finished(); ++i) use(page.bytes());
    gup::put_user_page(std::move(page), how);
}

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    finish(std::move(page), finished() ? gup::dirty : gup::clean);
}

void look(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    finish(std::move(page), gup::clean);
}
