// SPDX-License-Identifier: BSL-1.0
// misuse: D 003049b1c4fb io_uring/zcrx: a count looked at, then lowered
// expect-error: (is inaccessible|not accessible|is private|private)
#include "../program.hpp"

bool last(const gup::page& page) { return !page.counted_.counts.pinned(); }
