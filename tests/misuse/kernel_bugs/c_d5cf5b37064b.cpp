// SPDX-License-Identifier: BSL-1.0
// misuse: C d5cf5b37064b tee: the number of pinned pages not looked at
// expect-gcc-error: void value not ignored
// expect-clang-error: cannot initialize a variable
#include "../program.hpp"

void read(pool& pages, std::span<pinned> wanted) {
    const long count = gup::get_user_pages(pages, wanted);
    if (count < 0) return;
    use(wanted[0].bytes());
}
