// SPDX-License-Identifier: BSL-1.0
// misuse: B c56b6f3d801d mm/hugetlb: one reference too many on each page
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto got = gup::get_user_pages(pages, 2);
        gup::put_user_pages(std::move(got), gup::clean);
        check(pages.stats().free == 2 && pages.stats().pinned == 0, "one put ends what one get began");
    });
}
