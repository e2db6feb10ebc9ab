// SPDX-License-Identifier: BSL-1.0
// misuse: a second pin of a page that was put
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        gup::put_user_page(std::move(page), gup::dirty);
        gup::put_user_page(gup::ref_user_page(page), gup::clean);
    });
}
