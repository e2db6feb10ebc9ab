// SPDX-License-Identifier: BSL-1.0
// misuse: an ordinary reference put twice
// expect-consumed-warning: argument not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

void finish(plain page) {
    gup::put_page(std::move(page));
    gup::put_page(std::move(page));
}
