// SPDX-License-Identifier: BSL-1.0
// misuse: m26 a registration of io_uring discarded, with its failure
// expect-warning: dropping a registration undoes its pin at once
#include "../program.hpp"

void enter(domain& ring, std::span<std::byte> range, gup::pin_failure& failure) {
    ring.try_pin(range, gup::dma_access::read_write, failure);
}
