// SPDX-License-Identifier: BSL-1.0
// correct: a local reference returned as an optional
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on object 'page' while it is in the 'unconsumed' state
#include "../program.hpp"

std::optional<pinned> read(pool& pages) {
    auto page = gup::get_user_page(pages);
    use(page.bytes());
    return page;
}
