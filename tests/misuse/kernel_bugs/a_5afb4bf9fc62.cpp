// SPDX-License-Identifier: BSL-1.0
// misuse: A 5afb4bf9fc62 io_uring/rsrc: a part pinned, another put
// expect-error: write put_user_page\(std::move\(ref\), gup::dirty\)
#include "../program.hpp"

void finish(pinned page) { gup::put_user_page(page.bytes().subspan(2048), gup::dirty); }
