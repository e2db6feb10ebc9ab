// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: not looked at, of a pool without free pages
// expect-run-error: a gup::maybe without a reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto all = gup::get_user_pages(pages, 1);
        auto page = gup::try_get_user_page(pages);
        page->bytes()[0] = std::byte{1};
        gup::put_user_page(*std::move(page), gup::dirty);
    });
}
