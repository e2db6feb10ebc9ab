// SPDX-License-Identifier: BSL-1.0
// misuse: a put that names the pool
// expect-error: neither pool nor domain is named
#include "../program.hpp"

void finish(pool& pages, pinned page) { gup::put_user_page(pages, std::move(page), gup::dirty); }
