// SPDX-License-Identifier: BSL-1.0
// misuse: a put that names the pool after the page
// expect-error: the decision of a put is one word
#include "../program.hpp"

void finish(pool& pages, pinned page) { gup::put_user_page(std::move(page), gup::dirty, pages); }
