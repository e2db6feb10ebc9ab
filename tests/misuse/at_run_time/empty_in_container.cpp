// SPDX-License-Identifier: BSL-1.0
// misuse: empty: an element that was moved out of its container
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto all = gup::get_user_pages(pages, 2);
        gup::put_user_page(std::move(all[0]), gup::clean);
        for (const auto& page : all) page.bytes()[0] = std::byte{1};
    });
}
