// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference widened
// expect-error: access narrows and never widens
#include "../program.hpp"

void finish(const gup::linear<reader>& page) { gup::ref_user_page<gup::dma_access::read_write>(page); }
