// SPDX-License-Identifier: BSL-1.0
// 256 MiB registered as a fixed buffer through a domain, and a second ring for what the first one has pinned.
#include "gup/domain/io_uring.hpp"
#include "support/mapping.hpp"
#include "support/pair.hpp"
#include "support/ring.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <sys/uio.h>
#include <utility>

namespace {

constexpr std::size_t slab_bytes = std::size_t{256} << 20;

/// Seconds that the kernel takes to register this memory as the only buffer of a ring; it is unregistered
/// again.
double register_raw(io_uring& ring, std::span<std::byte> memory) {
    const iovec buffer{memory.data(), memory.size()};
    const double taken = gup_bench::seconds([&] { io_uring_register_buffers(&ring, &buffer, 1); });
    io_uring_unregister_buffers(&ring);
    return taken;
}

/// Why this user cannot register the memory; empty if he can.
std::string refusal(io_uring& ring, std::span<std::byte> memory) {
    if (memory.empty()) return "no memory for 256 MiB";
    const iovec buffer{memory.data(), memory.size()};
    const int result = io_uring_register_buffers(&ring, &buffer, 1);
    if (result < 0) return std::string("256 MiB cannot be registered: ") + std::strerror(-result);
    io_uring_unregister_buffers(&ring);
    return {};
}

const bool register_slab = gup_bench::compare(
    101,
    {.name = "register_slab_256M",
     .reference = "one io_uring_register_buffers of the same memory, in 4 KiB pages",
     .unit = "ms per registration",
     .target = 1.05},
    [](gup_bench::measurement& m) {
        gup_bench::ring own(8), raw(8);
        if (!own || !raw) return m.skip(raw.why_not());
        const gup_bench::mapping memory(slab_bytes);
        if (const std::string why = refusal(*raw, memory.bytes()); !why.empty()) return m.skip(why);

        gup::io_uring_domain domain{*own};
        m.costs(
            1e3,
            [&] {
                std::optional<gup::io_uring_domain<>::registration> pinned;
                return gup_bench::seconds(
                    [&] { pinned.emplace(domain.pin(memory.bytes(), gup::dma_access::read_write)); });
            },
            [&] { return register_raw(*raw, memory.bytes()); });
    });

/// The real kernel; adds up the time of all calls but the first, which registers on the first ring.
struct second_ring_kernel : gup::system_kernel {
    static inline bool registered = false;
    static inline double seconds = 0;

    static int io_uring_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept {
        int result = 0;
        const double taken = gup_bench::seconds(
            [&] { result = gup::system_kernel::io_uring_register(fd, opcode, argument, count); });
        if (std::exchange(registered, true)) seconds += taken;
        return result;
    }
};

const bool second_ring =
    gup_bench::compare(31,
                       {.name = "second_ring_clone",
                        .reference = "registering the same 256 MiB of 4 KiB pages on the second ring again",
                        .unit = "ms per ring",
                        .target = 0.01},
                       [](gup_bench::measurement& m) {
                           gup_bench::ring first(8), second(8), raw(8);
                           if (!first || !second || !raw) return m.skip(raw.why_not());
                           const gup_bench::mapping memory(slab_bytes);
                           if (const std::string why = refusal(*raw, memory.bytes()); !why.empty())
                               return m.skip(why);

                           gup::io_uring_domain<void, second_ring_kernel> domain{*first, *second};
                           m.costs(
                               1e3,
                               [&] {
                                   second_ring_kernel::registered = false;
                                   second_ring_kernel::seconds = 0;
                                   const auto pinned =
                                       domain.pin(memory.bytes(), gup::dma_access::read_write);
                                   return second_ring_kernel::seconds;
                               },
                               [&] { return register_raw(*raw, memory.bytes()); });
                       });

} // namespace
