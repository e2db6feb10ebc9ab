// SPDX-License-Identifier: BSL-1.0
// misuse: pages counted as the kernel's get_user_pages does
// expect-error: all pages are got or none, never a number of them
#include "../program.hpp"

int get(pool& pages, std::span<pinned> out) {
    int got = gup::try_get_user_pages(pages, out);
    return got;
}
