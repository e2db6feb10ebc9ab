// SPDX-License-Identifier: BSL-1.0
// misuse: put_user_pages of const references
// expect-error: a span that is not of const
#include "../program.hpp"

void finish(std::span<const pinned> pages) { gup::put_user_pages(pages, gup::clean); }
