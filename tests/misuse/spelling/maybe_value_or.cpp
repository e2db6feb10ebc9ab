// SPDX-License-Identifier: BSL-1.0
// misuse: maybe: something else in its place
// expect-error: there is no reference to put in place of one
#include "../program.hpp"

pinned some(gup::maybe<pinned>& page, pinned& other) { return page.value_or(std::move(other)); }
