// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: copied
// expect-error: a maybe is not copied
#include "../program.hpp"

gup::maybe<pinned> same(gup::maybe<pinned>& page) { return page; }
