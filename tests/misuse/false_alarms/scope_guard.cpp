// SPDX-License-Identifier: BSL-1.0
// correct: a put by a scope guard
// expect-clean
// expect-consumed-clang19-warning: method '~user_page_ref' on object 'page' while it is in the 'unconsumed'
// state
#include "../program.hpp"

template <class Function>
struct guard {
    ~guard() { at_end(); }
    Function at_end;
};
template <class Function>
guard(Function) -> guard<Function>;

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    const guard put{[&] { gup::put_user_page(std::move(page), gup::dirty); }};
    fill(page.bytes());
}
