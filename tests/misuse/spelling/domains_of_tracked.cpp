// SPDX-License-Identifier: BSL-1.0
// misuse: one of several domains tracked
// expect-error: local<> and tracked<> are for all domains of a page
#include "../devices.hpp"

using watched = gup::domains<gup::tracked<gup::io_uring_domain<>>, gup::vfio_domain<>>;

void send(watched both, gup::pool_options options) { gup::page_pool pool{std::move(both), options}; }
