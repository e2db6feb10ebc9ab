// SPDX-License-Identifier: BSL-1.0
// misuse: empty: compared with another by its page number
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto one = gup::get_user_page(pages);
        const gup_test::writer_ref other;
        check(gup::page_to_pfn(one) != gup::page_to_pfn(other), "they are different");
    });
}
