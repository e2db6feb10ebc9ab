// SPDX-License-Identifier: BSL-1.0
// misuse: a pool that was moved from: its dirty pages
// expect-run-error: a page_pool was used after it had been moved from
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto moved = std::move(pages);
        for (const auto& page : pages.dirty_pages()) gup::clear_page_dirty_for_io(page);
    });
}
