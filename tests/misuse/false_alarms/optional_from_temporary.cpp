// SPDX-License-Identifier: BSL-1.0
// correct: an optional made from a temporary
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on a temporary object while it is in the 'unconsumed' state
#include "../program.hpp"

std::optional<pinned> read(pool& pages) { return gup::get_user_page(pages); }
