// SPDX-License-Identifier: BSL-1.0
// misuse: a page that is in use given back to its zone
// expect-error: release
#include "../program.hpp"

void give_back(const pinned& page, gup::detail::counted& counts) {
    gup::zone::of(&gup::page_descriptor(page)).release(counts);
}
