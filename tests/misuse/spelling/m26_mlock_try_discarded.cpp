// SPDX-License-Identifier: BSL-1.0
// misuse: m26 a registration of mlock discarded, with its failure
// expect-warning: dropping a registration unlocks its memory at once
#include "../program.hpp"

void lock(gup::mlock_domain& memory, std::span<std::byte> range, gup::pin_failure& failure) {
    memory.try_pin(range, gup::dma_access::read, failure);
}
