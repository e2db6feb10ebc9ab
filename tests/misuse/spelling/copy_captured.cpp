// SPDX-License-Identifier: BSL-1.0
// misuse: a pinned reference copied into a lambda
// expect-error: a pinned reference is not copied: a second pin is explicit
#include "../program.hpp"

void read(pinned page) {
    auto later = [page] { use(page.bytes()); };
    later();
}
