// SPDX-License-Identifier: BSL-1.0
// misuse: peer 3 a view that outlives its registration, copied
// expect-error: (use of deleted function|call to deleted constructor|call to implicitly-deleted)
#include "../program.hpp"

domain::registration again(const domain::registration& one) { return one; }
