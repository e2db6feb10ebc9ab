// SPDX-License-Identifier: BSL-1.0
// misuse: m26 a registration of mlock discarded
// expect-warning: dropping a registration unlocks its memory at once
#include "../program.hpp"

void lock(gup::mlock_domain& memory, std::span<std::byte> range) { memory.pin(range); }
