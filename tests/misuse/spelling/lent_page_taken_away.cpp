// SPDX-License-Identifier: BSL-1.0
// misuse: a lent page put by the function it is lent to
// expect-error: a const reference is only lent: whoever owns it puts it
#include "../program.hpp"

void read(pool& pages) {
    gup::with_user_page(pages, [](const pinned& page) {
        gup::put_user_page(std::move(page), gup::clean);
        return gup::clean;
    });
}
