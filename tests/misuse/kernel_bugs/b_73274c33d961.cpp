// SPDX-License-Identifier: BSL-1.0
// misuse: B 73274c33d961 accel/qaic: pages leaked if not all could be pinned
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(3);
        auto one = gup::get_user_page(pages);
        try {
            auto three = gup::get_user_pages(pages, 3);
            check(false, "three of two free pages cannot be got");
        } catch (const gup::pin_error&) {
        }
        check(pages.stats().pinned == 1 && pages.stats().free == 2, "nothing was kept of what could not be had whole");
        gup::put_user_page(std::move(one), gup::clean);
    });
}
