// SPDX-License-Identifier: BSL-1.0
// misuse: B 681e452683b6 iomap: pages kept after a refused size
// expect-run-clean
#include "../running.hpp"

bool write_all(gup_test::pretended_pool& pages, std::size_t size) {
    auto got = gup::get_user_pages(pages, 2);
    if (size > got.size() * got[0].size()) return false;
    gup::put_user_pages(std::move(got), gup::dirty);
    return true;
}

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        check(!write_all(pages, 9000), "the size is refused");
        check(pages.stats().free == 2, "the pages are back");
    });
}
