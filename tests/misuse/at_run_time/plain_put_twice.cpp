// SPDX-License-Identifier: BSL-1.0
// misuse: an ordinary reference put twice
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_page(pages);
        gup::put_page(std::move(page));
        gup::put_page(std::move(page));
    });
}
