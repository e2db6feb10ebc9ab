// SPDX-License-Identifier: BSL-1.0
// misuse: writing through one of several names of a page
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(4);
        gup::address_space<gup_test::pretended> file(pages);
        file.insert(1, gup::get_page(pages));
        file.share(1, file, 2);
        auto page = gup::find_get_user_page(file, 1);
        page->bytes()[0] = std::byte{1};
        gup::put_user_page(std::move(*page), gup::dirty);
        const auto other = gup::find_get_page(file, 2);
        check(other->bytes()[0] == std::byte{0}, "the other name keeps its content");
    });
}
