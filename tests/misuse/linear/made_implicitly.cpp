// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference made implicitly
// expect-error: (could not convert|conversion from|no viable conversion)
#include "../program.hpp"

using linear_page = gup::linear<pinned>;

linear_page start(pool& pages) { return gup::get_user_page(pages); }
