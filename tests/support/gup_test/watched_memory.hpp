// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Memory that says when a domain has let go of it.

#include "gup/pin_domain.hpp"

namespace gup_test {

struct watched_memory : gup::pinned_memory {
    explicit watched_memory(bool& flag) : gone(flag) {}
    ~watched_memory() override { gone = true; }
    bool& gone;
};

} // namespace gup_test
