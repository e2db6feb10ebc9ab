// SPDX-License-Identifier: BSL-1.0
// misuse: peer 9 a part of a page unlocks its neighbour
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto page = map_pages(1);
        auto first = memory.pin(page.subspan(100, 100));
        auto second = memory.pin(page.subspan(2000, 100));
        first.release();
        check(is_locked(page), "the other pin still holds the page");
    });
}
