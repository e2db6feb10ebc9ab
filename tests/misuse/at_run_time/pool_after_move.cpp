// SPDX-License-Identifier: BSL-1.0
// misuse: a pool that was moved from
// expect-run-error: a page_pool was used after it had been moved from
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto moved = std::move(pages);
        gup::put_user_page(gup::get_user_page(pages), gup::clean);
    });
}
