// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/io_uring/buffer_charge.hpp"

#include "gup/kernel.hpp"
#include "gup_test/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using gup::detail::buffer_charge;

constexpr std::uint64_t mega = std::uint64_t{1} << 20;

/// Small pages up to 2 MiB, then 6 MiB of which some are huge, and a tail; 64 MiB, 2 of hugetlb; from 128 MiB
/// huge pages that were split into two mappings.
constexpr std::string_view smaps =
    "100000-200000 rw-p 00000000 00:00 0 \nVmFlags: rd wr \n"
    "200000-900000 rw-p 00000000 00:00 0 \nAnonHugePages: 2048 kB\nVmFlags: rd wr \n"
    "4000000-4400000 rw-p 00000000 00:11 9 /anon_hugepage (deleted)\n"
    "KernelPageSize: 2048 kB\nVmFlags: rd wr ht \n"
    "8000000-8100000 rw-p 00000000 00:00 0 \nVmFlags: rd wr hg \n"
    "8100000-8200000 r--p 00000000 00:00 0 \nVmFlags: rd hg \n";

} // namespace

TEST_CASE("of small pages each is charged") {
    CHECK(buffer_charge(smaps, {0x100000, 0x101000}) == 4096);
    CHECK(buffer_charge(smaps, {0x100000, 0x1ff000}) == 0xff000);
    CHECK(buffer_charge("", {0x100000, 0x103000}) == 0x3000);
}

TEST_CASE("of a huge page all is charged, whatever part of it is registered") {
    CHECK(buffer_charge(smaps, {0x210000, 0x211000}) == 2 * mega);
    CHECK(buffer_charge(smaps, {0x3ff000, 0x401000}) == 4 * mega); // the ends of two
    CHECK(buffer_charge(smaps, {0x400000, 0x600000}) == 2 * mega);
    CHECK(buffer_charge(smaps, {0x4001000, 0x4002000}) == 2 * mega); // hugetlb
    CHECK(buffer_charge(smaps, {0x80ff000, 0x8100000}) == 2 * mega); // in two mappings
}

TEST_CASE("no huge page is where no whole one fits") {
    CHECK(buffer_charge(smaps, {0x880000, 0x881000}) == 4096);            // the mapping ends within its 2 MiB
    CHECK(buffer_charge(smaps, {0x1ff000, 0x202000}) == 2 * mega + 4096); // begins among the small ones
}

TEST_CASE("bytes that do not fill pages are charged as whole ones") {
    struct without_proc : gup::system_kernel {
        static int read_text(const char*, std::string&) { return -ENOENT; }
    };
    const auto* const at = reinterpret_cast<const std::byte*>(0x10040);
    CHECK(buffer_charge<without_proc>({at, 4096}) == 8192);
    CHECK(buffer_charge<without_proc>({at, 512}) == 4096);
}
