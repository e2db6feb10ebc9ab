// SPDX-License-Identifier: BSL-1.0
// misuse: E a1268be280d8 mm/gup: an array with empty places unpinned
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        std::vector<gup_test::writer_ref> got(3);
        got[1] = gup::get_user_page(pages);
        gup::put_user_pages(std::move(got), gup::dirty);
        check(pages.stats().free == 2, "the one page is back");
    });
}
