// SPDX-License-Identifier: BSL-1.0
// misuse: pinning const memory to write to it
// expect-error: const memory is pinned for reading only: pass a span of std::byte
#include "../program.hpp"

void read_into(domain& ring, std::span<const std::byte> memory) {
    auto pin = gup::get_user_pages<gup::dma_access::read_write>(ring, memory);
}
