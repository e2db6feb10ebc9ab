// SPDX-License-Identifier: BSL-1.0
// misuse: an optional named in an address space
// expect-error: write space.insert\(index, ref\)
#include "../program.hpp"

void name(gup::address_space<domain>& space, const std::optional<pinned>& page) { space.insert(1, page); }
