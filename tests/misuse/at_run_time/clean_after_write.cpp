// SPDX-License-Identifier: BSL-1.0
// misuse: a page that was written and is put as clean
// expect-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        page.bytes()[0] = std::byte{1};
        gup::put_user_page(std::move(page), gup::clean);
    });
}
