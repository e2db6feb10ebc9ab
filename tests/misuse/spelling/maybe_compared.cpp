// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: compared with nothing
// expect-error: a maybe is asked by itself whether it has a page
#include "../program.hpp"

bool none(const gup::maybe<pinned>& page) { return page == std::nullopt; }
