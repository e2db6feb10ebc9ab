// SPDX-License-Identifier: BSL-1.0
// References of tracked domains have no verbs where gup/tracked.hpp is missing: they would mean something
// else there.
#include "gup/user_page_ref.hpp"

namespace {

template <class Type>
concept complete = requires { sizeof(Type); };

struct domain {};

static_assert(complete<gup::detail::tracking<domain>>);
static_assert(!complete<gup::detail::tracking<gup::tracked<domain>>>);

} // namespace
