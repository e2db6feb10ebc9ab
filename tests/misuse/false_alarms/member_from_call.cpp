// SPDX-License-Identifier: BSL-1.0
// correct: a member made from a call in the list of initialisers
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on a temporary object while it is in the 'unconsumed' state
#include "../program.hpp"

struct block {
    explicit block(pool& pages) : page(gup::get_user_page(pages)) {}
    pinned page;
};
