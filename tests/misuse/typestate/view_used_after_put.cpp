// SPDX-License-Identifier: BSL-1.0
// misuse: m19 a view used after the put
// expect-clean
// expect-consumed-clean
#include "../program.hpp"

void finish(pinned page) {
    const auto view = page.bytes();
    gup::put_user_page(std::move(page), gup::dirty);
    use(view);
}
