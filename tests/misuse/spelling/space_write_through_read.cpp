// SPDX-License-Identifier: BSL-1.0
// misuse: writing through a name that was pinned for reading
// expect-gcc-error: assignment of read-only
// expect-clang-error: (not assignable|cannot assign|const-qualified|no viable overloaded)
#include "../program.hpp"

using names = gup::address_space<domain>;

void write(names& file) {
    const auto page = gup::find_get_user_page<gup::dma_access::read>(file, 1);
    page->bytes()[0] = std::byte{1};
}
