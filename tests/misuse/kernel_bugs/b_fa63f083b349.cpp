// SPDX-License-Identifier: BSL-1.0
// misuse: B fa63f083b349 rapidio: an errno used as the number of pages
// expect-error: (no matching function|could not convert|cannot convert|no viable conversion|conversion from)
#include "../program.hpp"

void read(pool& pages) {
    const int count = gup::get_user_pages(pages, 4);
    for (int i = 0; i < count; ++i) use({});
}
