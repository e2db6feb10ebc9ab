// SPDX-License-Identifier: BSL-1.0
// misuse: get_user_pages of a pointer and a length
// expect-error: as_writable_bytes\(std::span\(memory\)\)
#include "../program.hpp"

void read(domain& in, void* memory) { auto page = gup::get_user_pages(in, memory, 4096); }
