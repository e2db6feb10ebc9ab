// SPDX-License-Identifier: BSL-1.0
// misuse: m04 double put
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        gup::put_user_page(std::move(page), gup::dirty);
        gup::put_user_page(std::move(page), gup::dirty);
    });
}
