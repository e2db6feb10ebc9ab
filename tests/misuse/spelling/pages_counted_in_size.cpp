// SPDX-License-Identifier: BSL-1.0
// misuse: pages counted in a std::size_t
// expect-error: all pages are got or none, never a number of them
#include "../program.hpp"

std::size_t get(pool& pages, std::span<pinned> out) { return gup::try_get_user_pages(pages, out); }
