// SPDX-License-Identifier: BSL-1.0
// misuse: m01 never put
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto kept = gup::get_page(pages);
        { const auto page = gup::get_user_page(kept); }
        check(!gup::page_maybe_dma_pinned(kept) && gup::page_dirty(kept),
              "the pin has ended, the page is dirty");
    });
}
