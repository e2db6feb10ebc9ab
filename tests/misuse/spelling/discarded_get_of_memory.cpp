// SPDX-License-Identifier: BSL-1.0
// misuse: discarded get of memory
// expect-gcc-warning: the memory must be put
// expect-clang-warning: a pinned page that is thrown away is put at once
#include "../program.hpp"

void lock(domain& ring, std::span<std::byte> memory) { gup::get_user_pages(ring, memory); }
