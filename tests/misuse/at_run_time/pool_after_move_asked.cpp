// SPDX-License-Identifier: BSL-1.0
// misuse: a pool that was moved from: how large it is
// expect-run-error: a page_pool was used after it had been moved from
#include "../running.hpp"

#include <cstdio>

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto moved = std::move(pages);
        std::printf("%zu\n", pages.page_size());
    });
}
