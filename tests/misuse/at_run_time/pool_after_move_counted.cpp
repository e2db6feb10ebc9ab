// SPDX-License-Identifier: BSL-1.0
// misuse: a pool that was moved from: some of its pages
// expect-run-error: a page_pool was used after it had been moved from
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto moved = std::move(pages);
        gup::put_user_pages(gup::get_user_pages(pages, 2), gup::clean);
    });
}
