// SPDX-License-Identifier: BSL-1.0
// misuse: m26 a registration of io_uring discarded
// expect-warning: dropping a registration undoes its pin at once
#include "../program.hpp"

void enter(domain& ring, std::span<std::byte> range) { ring.pin(range, gup::dma_access::read_write); }
