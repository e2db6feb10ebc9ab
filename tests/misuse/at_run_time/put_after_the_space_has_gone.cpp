// SPDX-License-Identifier: BSL-1.0
// misuse: a page put when another space has its name
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(4);
        gup::address_space<gup_test::pretended> file(pages);
        file.insert(1, gup::get_page(pages));
        auto page = gup::find_get_user_page(file, 1);
        file = gup::address_space<gup_test::pretended>(pages);
        file.insert(1, gup::get_page(pages));
        gup::put_user_page(std::move(*page), gup::dirty);
        const auto now = gup::find_get_page(file, 1);
        check(!gup::page_dirty(*now) && pages.stats().free == 3,
              "the put went to the page it was found with");
    });
}
