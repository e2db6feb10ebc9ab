// SPDX-License-Identifier: BSL-1.0
// correct: a temporary given to a constructor
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on a temporary object while it is in the 'unconsumed' state
#include "../program.hpp"

struct block {
    explicit block(pinned taken) : page(std::move(taken)) {}
    pinned page;
};

void read(pool& pages) {
    const block one{gup::get_user_page(pages)};
    use(one.page.bytes());
}
