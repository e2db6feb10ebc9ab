// SPDX-License-Identifier: BSL-1.0
// misuse: empty: put of a page of a local domain
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        using local = gup::local<gup_test::pretended>;
        gup::page_pool<local> pages(local(), gup_test::small(1));
        auto page = gup::get_user_page(pages);
        gup::put_user_page(std::move(page), gup::clean);
        gup::put_user_page(std::move(page), gup::clean);
    });
}
