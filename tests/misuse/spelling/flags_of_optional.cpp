// SPDX-License-Identifier: BSL-1.0
// misuse: page_dirty of an optional
// expect-error: write page_dirty\(ref\). Of a pointer, optional or maybe
#include "../program.hpp"

bool look(const std::optional<pinned>& page) { return gup::page_dirty(page); }
