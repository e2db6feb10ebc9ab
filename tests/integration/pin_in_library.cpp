// SPDX-License-Identifier: BSL-1.0
// A library that pins, for the test that shared objects of one process share the counts. Built as a MODULE.

#include "gup/domain/mlock.hpp"

#include <cstddef>
#include <span>

using registration = gup::mlock_domain::registration;

/// Pins; null if refused. To be given to gup_test_library_release.
extern "C" [[gnu::visibility("default")]] void* gup_test_library_pin(const void* address, std::size_t bytes) {
    gup::mlock_domain pins;
    gup::pin_failure failure;
    auto pinned =
        pins.try_pin({static_cast<const std::byte*>(address), bytes}, gup::dma_access::read, failure);
    return pinned ? new registration(*std::move(pinned)) : nullptr;
}

extern "C" [[gnu::visibility("default")]] void gup_test_library_release(void* pinned) {
    delete static_cast<registration*>(pinned);
}
