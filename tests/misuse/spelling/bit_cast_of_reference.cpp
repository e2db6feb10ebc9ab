// SPDX-License-Identifier: BSL-1.0
// misuse: a handle copied with std::bit_cast
// expect-gcc-error: no matching function for call to .*bit_cast
// expect-clang-error: no matching function for call to .*bit_cast
#include "../program.hpp"

#include <bit>

std::uintptr_t word_of(const pinned& page) { return std::bit_cast<std::uintptr_t>(page); }
