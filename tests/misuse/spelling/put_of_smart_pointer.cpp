// SPDX-License-Identifier: BSL-1.0
// misuse: a put of a smart pointer
// expect-error: write put_user_page\(std::move\(ref\), gup::dirty\) or gup::clean. Of a pointer, optional or maybe
// pass what it holds
#include "../program.hpp"

#include <memory>

void finish(std::unique_ptr<pinned> page) { gup::put_user_page(std::move(page), gup::dirty); }
