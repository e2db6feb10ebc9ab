// SPDX-License-Identifier: BSL-1.0
// misuse: peer 11 unmapped before it is released
// expect-run-error: munlock failed
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto page = map_pages(1);
        {
            const auto registration = memory.pin(page);
            ::munmap(page.data(), page.size());
        }
        std::exit(1);
    });
}
