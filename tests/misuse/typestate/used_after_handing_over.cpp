// SPDX-License-Identifier: BSL-1.0
// misuse: m21 used after a move into a function
// expect-consumed-warning: method 'bytes' on object 'page' while it is in the 'consumed' state
#include "../program.hpp"

void take(pinned page);

void finish(pinned page) {
    take(std::move(page));
    use(page.bytes());
}
