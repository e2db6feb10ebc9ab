// SPDX-License-Identifier: BSL-1.0
// correct: a variant made from a temporary
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on a temporary object while it is in the 'unconsumed' state
#include "../program.hpp"

#include <variant>

std::variant<int, pinned> read(pool& pages) { return gup::get_user_page(pages); }
