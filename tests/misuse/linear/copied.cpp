// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference copied
// expect-gcc-error: a linear reference is not copied: a second pin is explicit
// expect-clang14-error: (call to deleted constructor|selected deleted operator)
// expect-clang19-error: a linear reference is not copied: a second pin is explicit
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

linear_page again(const linear_page& page) { return page; }
