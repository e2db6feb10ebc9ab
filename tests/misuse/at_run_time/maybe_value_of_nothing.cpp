// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: its value, of a pool without free pages
// expect-run-error: a gup::maybe without a reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto all = gup::get_user_pages(pages, 1);
        gup::put_user_page(gup::try_get_user_page(pages).value(), gup::dirty);
    });
}
