// SPDX-License-Identifier: BSL-1.0
// misuse: a page of a ring and a device, which the device has, taken back by an entry of io_uring
// expect-error: this operation is not of io_uring: complete it with what its own domain gives
#include "../devices.hpp"

bool undo(gup::in_flight<shared_page, gup::vfio_domain<>::place>& flight, io_uring_sqe* entry) {
    return gup::try_take_back(flight, entry).has_value();
}
