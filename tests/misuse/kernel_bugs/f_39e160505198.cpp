// SPDX-License-Identifier: BSL-1.0
// misuse: F 39e160505198 block: pages made dirty that were only read
// expect-error: nothing is written through a read reference
#include "../program.hpp"

void finish(reader page) {
    gup::set_page_dirty(page);
    gup::put_user_page(std::move(page));
}
