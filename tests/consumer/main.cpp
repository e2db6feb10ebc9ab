// SPDX-License-Identifier: BSL-1.0
// What a user of gup writes, built from the installed package and from the source tree.
#include "gup/dma_access.hpp"
#include "gup/error.hpp"

#include <cstdio>

int main() {
    gup::pin_failure failure;
    failure.call = "mlock";
    failure.remedy = "raise the limit";
    std::puts(failure.message().c_str());
    return gup::narrows_to(gup::dma_access::read_write, gup::dma_access::read) ? 0 : 1;
}
