// SPDX-License-Identifier: BSL-1.0
// misuse: F cc5095747edf ext4: a page written after its write-back began
// expect-clean
// expect-consumed-clean
#include "../program.hpp"

void write_back(const plain& page) {
    if (gup::clear_page_dirty_for_io(page)) page.bytes()[0] = std::byte{1};
}
