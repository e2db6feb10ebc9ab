// SPDX-License-Identifier: BSL-1.0
// misuse: write through read
// expect-gcc-error: read-only
// expect-clang-error: const
#include "gup/user_page_ref.hpp"

void write(const gup::user_page_ref<struct domain, gup::dma_access::read>& page) {
    page.bytes()[0] = std::byte{1};
}
