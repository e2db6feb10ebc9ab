// SPDX-License-Identifier: BSL-1.0
// misuse: a lambda with a pinned reference in a std::function
// expect-error: std::function target must be copy-constructible
#include "../program.hpp"

#include <functional>

void read(pinned page) {
    std::function<void()> later = [held = std::move(page)] { use(held.bytes()); };
    later();
}
