// SPDX-License-Identifier: BSL-1.0
// misuse: D 85c2c79a0730 xsk: put on the error path, and again at the end
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto keep = gup::get_page(pages);
        {
            auto page = gup::get_user_page(keep);
            gup::put_user_page(std::move(page), gup::clean); // the error path; the scope ends as always
        }
        check(pages.stats().pinned == 0 && pages.stats().free == 0, "only the one pin has ended");
    });
}
