// SPDX-License-Identifier: BSL-1.0
// misuse: m08 put in a loop
// expect-consumed-warning: state of variable 'page' must match at the entry and exit of loop
#include "../program.hpp"

void finish(pinned page) {
    while (!finished()) gup::put_user_page(std::move(page), gup::dirty);
}
