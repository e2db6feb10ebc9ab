// SPDX-License-Identifier: BSL-1.0
// misuse: an operation of a device completed by a completion of io_uring
// expect-error: this operation is not of io_uring
#include "../devices.hpp"

device_page finish(gup::in_flight<device_page> flight, const io_uring_cqe& cqe) {
    return gup::complete(std::move(flight), cqe);
}
