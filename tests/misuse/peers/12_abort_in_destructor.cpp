// SPDX-License-Identifier: BSL-1.0
// misuse: peer 12 a destructor that ends the program if a release fails
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        static int failures = 0;
        gup::on_release_failure([](const gup::release_failure&) noexcept { ++failures; });
        gup::mlock_domain memory;
        const auto page = map_pages(1);
        {
            const auto registration = memory.pin(page);
            ::munmap(page.data(), page.size());
        }
        check(failures == 1, "the program hears of it and goes on");
    });
}
