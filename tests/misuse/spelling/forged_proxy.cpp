// SPDX-License-Identifier: BSL-1.0
// misuse: forged proxy
// expect-gcc-error: is private
// expect-clang-error: private constructor
#include "gup/page_proxy.hpp"

gup::page_proxy made;
