// SPDX-License-Identifier: BSL-1.0
// misuse: m22 used after a move into a lambda
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        const auto later = [kept = std::move(page)] { return kept.size(); };
        page.bytes()[later() - 1] = std::byte{1};
    });
}
