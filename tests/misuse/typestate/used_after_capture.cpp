// SPDX-License-Identifier: BSL-1.0
// misuse: m22 used after a move into a lambda
// expect-consumed-warning: method 'bytes' on object 'page' while it is in the 'consumed' state
#include "../program.hpp"

void finish(pinned page) {
    const auto later = [kept = std::move(page)] { use(kept.bytes()); };
    use(page.bytes());
    later();
}
