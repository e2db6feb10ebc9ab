// SPDX-License-Identifier: BSL-1.0
// misuse: bytes of a temporary linear reference
// expect-error: bytes\(\) of a temporary linear would dangle
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

void read(pool& pages) { use(linear_page{gup::get_user_page(pages)}.bytes()); }
