// SPDX-License-Identifier: BSL-1.0
// misuse: peer 2 a longer range taken for one that is there already
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto pages = map_pages(2);
        auto first = memory.pin(pages.first(4096));
        auto longer = memory.pin(pages);
        first.release();
        check(is_locked(pages.first(4096)) && is_locked(pages.last(4096)), "the longer pin covers both pages");
    });
}
