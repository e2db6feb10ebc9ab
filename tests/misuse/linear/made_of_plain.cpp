// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference made of an ordinary one
// expect-error: a linear reference is made of one that is pinned and moved
#include "../program.hpp"

void finish(plain page) { gup::linear again{std::move(page)}; }
