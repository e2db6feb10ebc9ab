// SPDX-License-Identifier: BSL-1.0
// misuse: peer 13 unlocked with another length than locked
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto pages = map_pages(2);
        auto registration = memory.pin(pages);
        check(registration.range().size() == pages.size(), "the registration knows its range");
        registration.release();
        check(!is_locked(pages.first(4096)) && !is_locked(pages.last(4096)), "all of it is unlocked");
    });
}
