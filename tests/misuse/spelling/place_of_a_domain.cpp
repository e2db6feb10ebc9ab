// SPDX-License-Identifier: BSL-1.0
// misuse: the place of a domain taken out of it
// expect-error: the_place.*is (private|protected|a private|a protected|inaccessible)
// member|inaccessible)
#include "gup/domain/io_uring.hpp"

void take(gup::io_uring_domain<>& domain) { static_cast<void>(domain.the_place()); }
