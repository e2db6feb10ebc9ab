// SPDX-License-Identifier: BSL-1.0
// misuse: I 36f6999ecde3 KVM: pages unpinned by another process
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto page = map_pages(1);
        auto registration = memory.pin(page);
        const auto child = gup_test::in_child([&] { return registration.release(), 0; });
        check(child.exited_with(0), "the child ends well");
        check(is_locked(page), "the parent's page is still locked");
    });
}
