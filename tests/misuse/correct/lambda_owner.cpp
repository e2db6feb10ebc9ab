// SPDX-License-Identifier: BSL-1.0
// correct: a lambda that owns
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    auto finish = [kept = std::move(page)]() mutable { gup::put_user_page(std::move(kept), gup::clean); };
    finish();
}
