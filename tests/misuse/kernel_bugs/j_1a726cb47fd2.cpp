// SPDX-License-Identifier: BSL-1.0
// misuse: J 1a726cb47fd2, 1bd6406fb5f3 VMCI: a page published before its pin succeeded
// expect-error: write get_user_page\(pool\)
#include "../program.hpp"

struct context {
    pinned notify_page;
};

void set_up(context& shared, pool& pages) { gup::get_user_page(pages, &shared.notify_page); }
