// SPDX-License-Identifier: BSL-1.0
// misuse: the marks of two registrations exchanged by the program
// expect-error: (invalid initialization of reference|cannot bind to a value of unrelated type)
#include "gup/domain/io_uring.hpp"

template <class Place, class Tag>
typename Place::mark& mark(gup::place_registration<Place, Tag>& pinned) {
    return pinned;
}

void exchange(gup::io_uring_domain<>::registration& one, gup::io_uring_domain<>::registration& other) {
    std::swap(mark(one), mark(other));
}
