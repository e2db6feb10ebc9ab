// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: put without a look
// expect-error: optional or maybe pass what it holds
#include "../program.hpp"

void finish(pool& pages) {
    auto page = gup::try_get_user_page(pages);
    gup::put_user_page(std::move(page), gup::dirty);
}
