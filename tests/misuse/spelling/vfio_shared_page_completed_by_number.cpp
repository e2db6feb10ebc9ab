// SPDX-License-Identifier: BSL-1.0
// misuse: a page of a ring and a device, which the ring has, completed by a number
// expect-error: this operation is not a device.s of a vfio_domain: complete it with the completion that its
// own
#include "../devices.hpp"

shared_page finish(gup::in_flight<shared_page, gup::io_uring_domain<>::place> flight) {
    return gup::complete(std::move(flight), 7);
}
