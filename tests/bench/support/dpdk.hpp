// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A packet framework's pool of buffers, DPDK's rte_mempool with its cache per thread, where libdpdk-dev is
/// installed. In a translation unit of its own: its headers ask for flags of the compiler.

#include <cstddef>
#include <string>

namespace gup_bench::dpdk {

/// Makes a pool of so many buffers for this thread, once; returns why not, or nothing.
std::string start(std::size_t buffers);

/// Gets a buffer and puts it, so many times.
void get_and_put_single(std::size_t operations);
/// The same in groups of `bulk`.
void get_and_put_bulk(std::size_t operations);
inline constexpr std::size_t bulk = 32;

} // namespace gup_bench::dpdk
