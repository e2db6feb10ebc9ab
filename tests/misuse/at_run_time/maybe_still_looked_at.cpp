// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: looked at once more after its page was put
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::try_get_user_page(pages);
        if (page) gup::put_user_page(std::move(*page), gup::dirty);
        if (page) gup::put_user_page(std::move(*page), gup::clean);
        check(pages.stats().free == 1, "it has none any more");
    });
}
