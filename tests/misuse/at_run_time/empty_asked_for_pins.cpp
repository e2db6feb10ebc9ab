// SPDX-License-Identifier: BSL-1.0
// misuse: empty: asked whether the page is pinned
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::plain_ref page;
        check(!gup::page_maybe_dma_pinned(page), "nobody pins it");
    });
}
