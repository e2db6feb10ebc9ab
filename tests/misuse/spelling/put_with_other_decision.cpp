// SPDX-License-Identifier: BSL-1.0
// misuse: m03 put without a decision
// expect-error: the decision of a put is one word
#include "gup/user_page_ref.hpp"

void finish(gup::user_page_ref<struct domain> page) { gup::put_user_page(std::move(page), true); }
