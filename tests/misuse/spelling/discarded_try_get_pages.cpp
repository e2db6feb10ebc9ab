// SPDX-License-Identifier: BSL-1.0
// misuse: discarded try get of pages
// expect-warning: false means that no page was got
#include "../program.hpp"

void get(pool& pages, std::span<pinned> out) { gup::try_get_user_pages(pages, out); }
