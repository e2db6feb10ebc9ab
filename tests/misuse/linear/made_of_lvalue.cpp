// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference made of a named one
// expect-error: a linear reference is made of one that is pinned and moved
#include "../program.hpp"

void finish(pinned page) { gup::linear again{page}; }
