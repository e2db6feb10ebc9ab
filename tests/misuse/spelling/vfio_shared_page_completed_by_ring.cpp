// SPDX-License-Identifier: BSL-1.0
// misuse: a page of a ring and a device, which the device has, completed by a completion of io_uring
// expect-error: this operation is not of io_uring: complete it with what its own domain gives
#include "../devices.hpp"

shared_page finish(gup::in_flight<shared_page, gup::vfio_domain<>::place> flight, const io_uring_cqe* cqe) {
    return gup::complete(std::move(flight), cqe);
}
