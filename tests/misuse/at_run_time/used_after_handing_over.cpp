// SPDX-License-Identifier: BSL-1.0
// misuse: m21 used after a move into a function
// expect-run-error: an empty reference was used
#include "../running.hpp"

void take(gup_test::pretended_pool::reference page) { gup::put_user_page(std::move(page), gup::clean); }

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        take(std::move(page));
        page.bytes()[0] = std::byte{1};
    });
}
