// SPDX-License-Identifier: BSL-1.0
// misuse: E 13a0d1ae7ee6 iommufd: pages of one batch put with another
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(300);
        auto got = gup::get_user_pages(pages, 300);
        std::vector<const std::byte*> seen;
        for (const auto& page : got) seen.push_back(page.bytes().data());
        std::sort(seen.begin(), seen.end());
        check(std::unique(seen.begin(), seen.end()) == seen.end(), "each page was got once");
        gup::put_user_pages(std::span(got).first(150), gup::clean);
        check(pages.stats().free == 150 && pages.stats().pinned == 150, "the first half is back, the other is not");
        gup::put_user_pages(std::move(got), gup::clean);
        check(pages.stats().free == 300, "all are back");
    });
}
