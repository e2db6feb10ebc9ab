// SPDX-License-Identifier: BSL-1.0
// misuse: a part of a registration assigned to another one
// expect-error: (is private within this context|is a private member|is inaccessible)
#include "gup/domain/io_uring.hpp"

template <class Mark>
void assign(gup::detail::marked<Mark>& to, gup::detail::marked<Mark>& from) {
    to = std::move(from);
}

void exchange(gup::io_uring_domain<>::registration& one, gup::io_uring_domain<>::registration& other) {
    assign(one, other);
}
