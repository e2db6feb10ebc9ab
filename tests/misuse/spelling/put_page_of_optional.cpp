// SPDX-License-Identifier: BSL-1.0
// misuse: a put_page of an optional
// expect-error: write put_page\(std::move\(ref\)\). Of a pointer, optional or maybe
#include "../program.hpp"

void finish(std::optional<plain> page) { gup::put_page(std::move(page)); }
