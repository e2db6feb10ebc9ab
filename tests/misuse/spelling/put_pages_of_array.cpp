// SPDX-License-Identifier: BSL-1.0
// misuse: put_user_pages of an array
// expect-error: put_user_pages\(std::span\(array\), gup::clean\)
#include "../program.hpp"

void finish(std::array<pinned, 3>& pages) { gup::put_user_pages(pages, gup::clean); }
