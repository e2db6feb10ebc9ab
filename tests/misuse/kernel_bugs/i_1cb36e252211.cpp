// SPDX-License-Identifier: BSL-1.0
// misuse: I 1cb36e252211 vsock/virtio: another length released than was charged
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto pages = map_pages(3);
        auto whole = memory.pin(pages);
        {
            auto range = pages;
            const auto part = memory.pin(range.first(4096));
            range = range.last(4096);
        }
        check(is_locked(pages.first(4096)) && is_locked(pages.last(4096)), "only what the second pin added has ended");
        whole.release();
        check(!is_locked(pages.first(4096)) && !is_locked(pages.last(4096)), "all of it is unlocked");
    });
}
