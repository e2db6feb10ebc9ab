// SPDX-License-Identifier: BSL-1.0
// misuse: other domain
// expect-gcc-error: use of deleted function
// expect-clang-error: invokes a deleted function
#include "gup/user_page_ref.hpp"

struct data_ring;
struct log_ring;
void append(gup::user_page_ref<log_ring> page);
void use(gup::user_page_ref<data_ring> page) { append(std::move(page)); }
