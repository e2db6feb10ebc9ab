// SPDX-License-Identifier: BSL-1.0
// misuse: peer 1 success although a part failed
// expect-run-error: mlock of 12288 bytes
#include "../running.hpp"

int main() {
    return run([] {
        gup::mlock_domain memory;
        const auto pages = map_pages(3);
        ::mprotect(pages.data() + 4096, 4096, PROT_NONE);
        try {
            memory.pin(pages).release();
        } catch (...) {
            check(!is_locked(pages.first(4096)), "nothing stays locked");
            throw;
        }
    });
}
