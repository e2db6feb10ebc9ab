// SPDX-License-Identifier: BSL-1.0
// Devices that are taken away, come back, and join: what the kernel does then, and what gup makes of it.
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include "gup_test/catch.hpp"
#include "support/edu.hpp"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using gup_test::edu;

namespace {

const std::string driver = "/sys/bus/pci/drivers/vfio-pci/";

void unbind(const char* device) { std::ofstream(driver + "unbind") << device; }
void bind(const char* device) { std::ofstream(driver + "bind") << device; }

class event {
public:
    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { ::close(fd); }

    /// Has it been signalled, or will it be in so many milliseconds?
    bool wait(int limit) const {
        pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
        std::uint64_t signals = 0;
        return ::poll(&waited, 1, limit) == 1 && ::read(fd, &signals, sizeof signals) == sizeof signals;
    }

    const int fd = ::eventfd(0, EFD_CLOEXEC);
};

int reported = 0;
void count_report(const gup::release_failure&) noexcept { ++reported; }

/// VmLck of this process.
std::string locked() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmLck")) return line;
    return {};
}

} // namespace

TEST_CASE("a device that is taken away says so, and goes when its driver lets it go") {
    const event asked;
    std::optional<edu> device(std::in_place);
    device->device.enable_req(asked.fd);
    CHECK_FALSE(asked.wait(0));
    std::thread removal([] { unbind(gup_test::edu_address); });
    CHECK(asked.wait(20'000));
    CHECK(device->bar().read<std::uint32_t>(0) == 0x010000edU); // it answers still
    device.reset();
    removal.join();
    bind(gup_test::edu_address);
    edu again;
}

TEST_CASE(
    "with the last device of its container a domain ends, its memory is free, and the device may come back") {
    reported = 0;
    const auto before = gup::on_release_failure(&count_report);
    const std::string nothing = locked();
    {
        const gup::vfio_container container;
        std::optional<edu> device(std::in_place, container);
        std::optional<gup::vfio_domain<>> domain(std::in_place, container);
        std::optional<gup::page_pool<gup::vfio_domain<>>> pool(std::in_place, *domain,
                                                               gup::pool_options{.pages = 16});
        auto page = gup::get_user_page(*pool);
        CHECK(domain->attached());
        CHECK(locked() != nothing);
        device.reset();
        unbind(gup_test::edu_address);
        CHECK(locked() == nothing); // the kernel has let it go
        gup::pin_failure failure;
        CHECK_FALSE(gup::page_pool<gup::vfio_domain<>>::try_make(*domain, {.pages = 1}, failure));
        CHECK(failure.code.value() == ENODEV);
        CHECK_FALSE(domain->attached());
        CHECK_FALSE(domain->find_iova(page.bytes().data()).has_value());
        bind(gup_test::edu_address);
        device.emplace(container);
        CHECK_FALSE(domain->attached());
        gup::put_user_page(std::move(page), gup::clean);
        pool.reset();
        domain.reset();

        domain.emplace(container);
        pool.emplace(*domain, gup::pool_options{.pages = 1});
        auto next = gup::get_user_page(*pool);
        device->fetch(gup::iova(next), 8);
        gup::put_user_page(std::move(next), gup::clean);
    }
    gup::on_release_failure(before);
    CHECK(reported == 0);
}

TEST_CASE("a device that was bound anew, or comes late, joins its container while that is in use") {
    const gup::vfio_container container;
    edu device{container};
    gup::vfio_domain<> domain{container};
    gup::page_pool pool{domain, {.pages = 1}};
    auto page = gup::get_user_page(pool);
    { const gup::vfio_device late(container, gup_test::nvme_address); }
    unbind(gup_test::nvme_address);
    bind(gup_test::nvme_address);
    const gup::vfio_device again(container, gup_test::nvme_address);
    CHECK(again.info().vendor == 0x1b36);
    device.fetch(gup::iova(page), 8);
    CHECK(gup::page_pool<gup::vfio_domain<>>(domain, {.pages = 1}).registered());
    gup::put_user_page(std::move(page), gup::clean);
}

TEST_CASE("an interrupt line signals once until it is unmasked, and gives way to MSI") {
    const event line, message;
    edu device;
    CHECK(device.device.vectors(gup::vfio_interrupt::intx) == 1);
    CHECK(device.device.vectors(gup::vfio_interrupt::msix) == 0);
    constexpr std::size_t raise = 0x60;
    device.device.enable_intx(line.fd);
    for (int i = 0; i < 2; ++i) {
        device.bar().write<std::uint32_t>(raise, 1);
        CHECK(line.wait(10'000));
        device.acknowledge_interrupt();
        device.bar().write<std::uint32_t>(raise, 1);
        CHECK_FALSE(line.wait(0)); // masked
        device.acknowledge_interrupt();
        device.device.unmask_intx();
    }
    const int vectors[] = {message.fd};
    device.device.enable_msi(vectors);
    device.bar().write<std::uint32_t>(raise, 1);
    CHECK(message.wait(10'000));
    device.acknowledge_interrupt();
    CHECK_FALSE(line.wait(0));
}

TEST_CASE("a device has as many vectors as it says, or says how many it can have") {
    const gup::vfio_device nvme(gup::vfio_container(), gup_test::nvme_address);
    const auto most = nvme.vectors(gup::vfio_interrupt::msix);
    CHECK(most > 1);
    const event one;
    std::vector<int> eventfds(most, one.fd);
    try {
        nvme.enable_msix(eventfds);
    } catch (const gup::pin_error& error) {
        CHECK(error.code().value() == ENOSPC);
        eventfds.resize(1);
        nvme.enable_msix(eventfds);
    }
    nvme.disable_msix();
}
