// SPDX-License-Identifier: BSL-1.0
// correct: a put through a reference that is a parameter
// expect-clean
// expect-consumed-clang19-warning: argument not in expected state; expected 'unconsumed', observed 'unknown'
#include "../program.hpp"

void finish(pinned& page) { gup::put_user_page(std::move(page), gup::clean); }
