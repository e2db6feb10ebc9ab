// SPDX-License-Identifier: BSL-1.0
// What there is of DPDK where it is not installed.
#include "support/dpdk.hpp"

namespace gup_bench::dpdk {

std::string start(std::size_t) { return "libdpdk-dev is not installed"; }
void get_and_put_single(std::size_t) {}
void get_and_put_bulk(std::size_t) {}

} // namespace gup_bench::dpdk
