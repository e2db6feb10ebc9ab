// SPDX-License-Identifier: BSL-1.0
// misuse: an operation of io_uring completed by a number
// expect-error: this operation is not a device
#include "../devices.hpp"

pinned finish(token flight) { return gup::complete(std::move(flight), 7); }
