// SPDX-License-Identifier: BSL-1.0
// misuse: the place of a domain taken out of it by deriving from it
// expect-error: the_place.*(is private within this context|is a private member|inaccessible)
#include "gup/domain/io_uring.hpp"

struct open : gup::io_uring_domain<> {
    static auto way() { return &open::the_place; }
};
void take(gup::io_uring_domain<>& domain) { static_cast<void>((domain.*open::way())()); }
