// SPDX-License-Identifier: BSL-1.0
// misuse: a page of another ring under a name
// expect-error: write space.insert\(index, ref\)
#include "../program.hpp"

using names = gup::address_space<domain>;

void name(names& file, const gup::page_ref<gup::io_uring_domain<struct log_ring>>& page) {
    file.insert(1, page);
}
