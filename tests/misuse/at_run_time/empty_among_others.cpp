// SPDX-License-Identifier: BSL-1.0
// misuse: empty: one among pages that are put together
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(3);
        auto all = gup::get_user_pages(pages, 3);
        gup::put_user_page(std::move(all[1]), gup::clean);
        gup::put_user_pages(std::move(all), gup::dirty);
        check(pages.stats().free == 3, "it is passed over");
    });
}
