// SPDX-License-Identifier: BSL-1.0
// misuse: a view of a local reference returned
// expect-clang-warning: (address of|reference to) stack memory associated with (local variable|parameter) .page. returned
#include "../program.hpp"

std::span<std::byte> read(pinned page) { return page.bytes(); }
