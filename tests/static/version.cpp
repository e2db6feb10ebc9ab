// SPDX-License-Identifier: BSL-1.0
// The version that the headers say is the project's, which CMake and pkg-config say.
#include "gup/version.hpp"

static_assert(GUP_VERSION == GUP_TEST_PROJECT_VERSION);
