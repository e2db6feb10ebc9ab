// SPDX-License-Identifier: BSL-1.0
// misuse: the rings of a domain taken out of it
// expect-error: rings.*is (private|a private|inaccessible)
#include "gup/domain/io_uring.hpp"

void take(gup::io_uring_domain<>& domain) { static_cast<void>(domain.rings()); }
