// SPDX-License-Identifier: BSL-1.0
// misuse: relax of a named linear reference
// expect-error: relax\(\) hands the reference on
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

pinned finish(linear_page page) { return page.relax(); }
