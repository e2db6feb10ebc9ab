// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_page of a domain
// expect-error: a domain has none: make a page_pool in it
#include "../program.hpp"

void read(domain& from) { auto page = gup::get_user_page(from); }
