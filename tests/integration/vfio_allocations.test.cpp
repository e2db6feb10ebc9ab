// SPDX-License-Identifier: BSL-1.0
// Operations of VFIO with each of their allocations failing in turn, on pretended devices.
#include "gup/caller_memory.hpp"

#include "gup_test/failing_allocations.hpp"
#include "gup_test/mappings.hpp"
#include "gup_test/vfio_scene.hpp"

#include <string>
#include <vector>

namespace {

/// The pretended kernel, whose own allocations never fail.
struct kernel : gup_test::pretend_vfio {
    using base = gup_test::pretend_vfio;

    template <class Call>
    static auto surely(Call call) {
        const gup_test::no_failure pause;
        return call();
    }
    static int open(const char* path) {
        return surely([&] { return base::open(path); });
    }
    static int close(int fd) {
        return surely([&] { return base::close(fd); });
    }
    static int ioctl(int fd, unsigned long request, void* argument) {
        return surely([&] { return base::ioctl(fd, request, argument); });
    }
    static std::intptr_t map_file(std::size_t bytes, int protection, int fd, std::uint64_t offset) {
        return surely([&] { return base::map_file(bytes, protection, fd, offset); });
    }
    static int munmap(void* address, std::size_t bytes) {
        return surely([&] { return base::munmap(address, bytes); });
    }
    static ssize_t pread(int fd, void* into, std::size_t bytes, std::uint64_t offset) {
        return surely([&] { return base::pread(fd, into, bytes, offset); });
    }
    static int query_maps(gup::detail::page_range pages, std::string& text) {
        return surely([&] { return base::query_maps(pages, text); });
    }
    static int read_text(const char* path, std::string& text) {
        return surely([&] { return base::read_text(path, text); });
    }
};

using device = gup::basic_vfio_device<kernel>;
using container = gup::basic_vfio_container<kernel>;
using domain = gup::vfio_domain<void, kernel>;

} // namespace

TEST_CASE("An operation of VFIO without memory throws, and leaves nothing behind") {
    const gup_test::fresh_machine machine;
    const auto closed = [] {
        CHECK(kernel::nothing_left());
        kernel::forget_calls();
    };
    const auto each = [](const char* name, auto operation, auto check) {
        gup_test::fail_every_allocation(name, operation, check);
    };
    each(
        "a container", [] { container(); }, closed);
    each(
        "a device with interrupts", [] { device("0000:00:04.0").enable_msi(std::vector{3}); }, closed);
    each(
        "a BAR", [] { device("0000:00:04.0").map_bar(0); }, closed);
    each(
        "a device that is not there",
        [] {
            gup::pin_failure failure;
            static_cast<void>(device::try_make(container(), "0000:00:09.0", failure));
        },
        closed);

    const container all;
    const device edu(all, "0000:00:04.0");
    const auto idle = [] {
        CHECK(kernel::mappings().empty());
        kernel::forget_calls();
    };
    each(
        "a pool", [&] { gup::page_pool pool(domain(all), gup_test::small(4)); }, idle);
    domain pins(all);
    const gup_test::private_pages memory(8);
    each(
        "memory of the caller's, in many mappings",
        [&] {
            std::vector<gup::user_page_ref<domain>> pages;
            for (std::size_t i = 0; i < 8; i += 2)
                pages.push_back(gup::get_user_pages(pins, memory.range(i, 1)));
            while (pages.size() > 1) pages.erase(pages.begin() + 1); // free places apart
        },
        idle);
}
