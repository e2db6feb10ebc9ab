// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: put twice
// expect-run-error: a gup::maybe without a reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::try_get_user_page(pages);
        gup::put_user_page(*std::move(page), gup::dirty);
        gup::put_user_page(*std::move(page), gup::clean);
    });
}
