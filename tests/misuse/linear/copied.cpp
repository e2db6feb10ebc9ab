// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference copied
// expect-error: (use of deleted function|call to deleted constructor)
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

linear_page again(const linear_page& page) { return page; }
