// SPDX-License-Identifier: BSL-1.0
// misuse: put_user_pages of an optional
// expect-error: Of an optional or maybe pass what it holds
#include "../program.hpp"

void finish(std::optional<std::vector<pinned>> pages) { gup::put_user_pages(std::move(pages), gup::clean); }
