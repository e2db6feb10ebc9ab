// SPDX-License-Identifier: BSL-1.0
// misuse: a second pin of a page in flight
// expect-error: a device holds this reference: take the second pin
#include "../program.hpp"

void pin(const token& operation) { gup::ref_user_page(operation); }
