// SPDX-License-Identifier: BSL-1.0
// misuse: a put of a vector as of one page
// expect-error: a container goes with put_user_pages
#include "../program.hpp"

void finish(std::vector<pinned> pages) { gup::put_user_page(std::move(pages), gup::dirty); }
