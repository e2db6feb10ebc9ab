// SPDX-License-Identifier: BSL-1.0
// misuse: M f442fa614137 mm/gup: the helper that may fail used as the one that may not
// expect-error: a maybe is no reference, there may be no page in it
#include "../program.hpp"

pinned start(pool& pages) { return gup::try_get_user_page(pages); }
