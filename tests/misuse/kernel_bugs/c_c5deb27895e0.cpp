// SPDX-License-Identifier: BSL-1.0
// misuse: C c5deb27895e0 xen/privcmd: fewer pages pinned than asked for, taken as success
// expect-warning: false means that no page was got
#include "../program.hpp"

void read(pool& pages, std::span<pinned> wanted) {
    gup::try_get_user_pages(pages, wanted);
    for (const auto& page : wanted) use(page.bytes());
}
