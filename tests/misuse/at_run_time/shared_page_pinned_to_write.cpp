// SPDX-License-Identifier: BSL-1.0
// misuse: a page that has several names pinned for writing, not by name
// expect-run-error: asked to write to a page that has several names: find_get_user_page
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(4);
        gup::address_space<gup_test::pretended> file(pages);
        const auto page = gup::get_page(pages);
        file.insert(1, page);
        file.share(1, file, 2);
        gup::put_user_page(gup::get_user_page(page), gup::dirty);
    });
}
