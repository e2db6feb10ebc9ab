// SPDX-License-Identifier: BSL-1.0
// misuse: empty: put of a page of a tracked domain
// expect-run-error: an empty reference was used.*at .*empty_of_tracked.cpp:
#include "../running.hpp"

int main() {
    return run([] {
        using tracked = gup::tracked<gup_test::pretended>;
        gup::page_pool<tracked> pages(tracked(), {.pages = 1});
        auto page = gup::get_user_page(pages);
        gup::put_user_page(std::move(page), gup::clean);
        gup::put_user_page(std::move(page), gup::clean);
    });
}
