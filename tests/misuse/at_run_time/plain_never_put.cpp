// SPDX-License-Identifier: BSL-1.0
// misuse: an ordinary reference never put
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        { const auto page = gup::get_page(pages); }
        check(pages.stats().free == 1, "the page is back");
    });
}
