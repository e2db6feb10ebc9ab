// SPDX-License-Identifier: BSL-1.0
// The version that the headers say is the project's, which CMake and pkg-config say.
#include "gup/version.hpp"
#include "gup/domain/mlock.hpp"

#include <type_traits>

static_assert(GUP_VERSION == GUP_TEST_PROJECT_VERSION);

// names are of the release, but for what is one for a process
static_assert(std::is_same_v<gup::mlock_domain, gup::GUP_TEST_NAMESPACE::mlock_domain>);
static_assert(std::is_same_v<gup::system_kernel, gup::process_wide_v1::system_kernel>);
