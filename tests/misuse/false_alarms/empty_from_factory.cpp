// SPDX-License-Identifier: BSL-1.0
// correct: a factory that returns an empty reference
// expect-clean
// expect-consumed-clang19-warning: return value not in expected state; expected 'unconsumed', observed 'consumed'
#include "../program.hpp"

pinned read(pool& pages) {
    if (finished()) return {};
    return gup::get_user_page(pages);
}
