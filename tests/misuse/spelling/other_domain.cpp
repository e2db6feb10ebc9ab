// SPDX-License-Identifier: BSL-1.0
// misuse: other domain
// expect-error: domains do not share pins, ref_user_page<access>\(ref\) narrows an access, and nothing widens
// it
#include "gup/user_page_ref.hpp"

struct data_ring;
struct log_ring;
void append(gup::user_page_ref<log_ring> page);
void use(gup::user_page_ref<data_ring> page) { append(std::move(page)); }
