// SPDX-License-Identifier: BSL-1.0
// misuse: a put_page with a decision
// expect-error: neither pool nor decision is named
#include "../program.hpp"

void finish(plain page) { gup::put_page(std::move(page), gup::dirty); }
