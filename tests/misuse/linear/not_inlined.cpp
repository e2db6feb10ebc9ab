// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference given to a function that is not inlined
// expect-linear-error: or was not inlined: .*always_inline
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

[[gnu::noinline]] static void finish(linear_page&& page) {
    use(page.bytes());
    gup::put_user_page(std::move(page), gup::dirty);
}

void read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    finish(std::move(page));
}
