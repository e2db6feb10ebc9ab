// SPDX-License-Identifier: BSL-1.0
// misuse: D e17492979319 net/rds: the number of pages stays set when pinning them fails
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        std::vector<gup_test::writer_ref> entries(3);
        check(!gup::try_get_user_pages(pages, entries), "three of two pages cannot be got");
        for (const auto& entry : entries) check(!entry, "no entry claims a page");
        gup::put_user_pages(std::move(entries), gup::clean);
        check(pages.stats().free == 2, "nothing was put that was not got");
    });
}
