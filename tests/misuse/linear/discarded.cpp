// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference discarded
// expect-warning: ignoring return
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

linear_page start(pool& pages);

void read(pool& pages) { start(pages); }
