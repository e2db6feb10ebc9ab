// SPDX-License-Identifier: BSL-1.0
// A real device, though emulated, behind a real IOMMU: what the data says, and what the kernel's log says.
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include "gup_test/catch.hpp"
#include "support/edu.hpp"
#include "support/kernel_log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <span>
#include <string>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

using gup_test::edu;
using gup_test::kernel_log;

namespace {

void fill(std::span<std::byte> bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(seed + i * 7);
}

bool all_are(std::span<const std::byte> bytes, std::byte value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

/// Few enough bytes that QEMU asks its IOMMU only once. A longer DMA faults over and over, and what comes
/// while the kernel still handles the first is lost, with every fault after it.
constexpr std::size_t one_fault = 4;

/// The fault of the edu device at this address, as kernels before and after 7.0 print it.
std::string fault_at(std::uint64_t iova) {
    char text[128];
    std::snprintf(text, sizeof text, R"(\[(0000:)?00:04\.0\] fault addr 0x%llx)",
                  static_cast<unsigned long long>(iova));
    return text;
}

} // namespace

TEST_CASE("a device reads a pinned page and writes another one") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{domain, {.pages = 4}};
    auto from = gup::get_user_page(pool);
    auto to = gup::get_user_page(pool);
    fill(from.bytes(), 3);
    std::memset(to.bytes().data(), 0, to.size());
    const std::span expected = from.bytes().first(edu::most_bytes);

    auto reading = gup::start_dma_to_device(std::move(from), 1);
    device.fetch(gup::iova(reading));
    from = gup::complete(std::move(reading), 1);
    CHECK_FALSE(gup::page_dirty(from));

    auto writing = gup::start_dma_from_device(std::move(to), 2);
    device.store(gup::iova(writing) + edu::most_bytes);
    to = gup::complete(std::move(writing), 2);
    CHECK(gup::page_dirty(to));

    CHECK(all_are(to.bytes().first(edu::most_bytes), std::byte{0}));
    CHECK(std::ranges::equal(to.bytes().last(edu::most_bytes), expected));
    gup::put_user_page(std::move(from), gup::clean);
    gup::put_user_page(std::move(to), gup::dirty);
}

TEST_CASE("what the CPU writes to a to_device page after it was pinned reaches the device") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool<gup::vfio_domain<>, gup::dma_access::to_device> out{domain, {.pages = 1}};
    gup::page_pool in{domain, {.pages = 1}};
    auto from = gup::get_user_page(out);
    auto to = gup::get_user_page(in);
    fill(from.bytes(), 11);
    device.fetch(gup::iova(from));
    device.store(gup::iova(to));
    CHECK(std::ranges::equal(to.bytes().first(edu::most_bytes), from.bytes().first(edu::most_bytes)));
    gup::put_user_page(std::move(from), gup::clean);
    gup::put_user_page(std::move(to), gup::dirty);
}

TEST_CASE("memory of the caller's is read and written at its I/O address") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    alignas(4096) static std::array<std::byte, 3 * 4096> memory;
    fill(memory, 5);
    auto ref = gup::get_user_pages(domain, std::span(memory));
    device.fetch(gup::iova(ref) + 4096);
    device.store(gup::iova(ref) + 2 * 4096);
    CHECK(std::equal(memory.begin() + 4096, memory.begin() + 4096 + edu::most_bytes, memory.begin() + 8192));
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("a device cannot touch a page after its pool has gone, and the IOMMU says so") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    kernel_log log;
    std::uint64_t iova = 0;
    {
        gup::page_pool pool{domain, {.pages = 1}};
        auto ref = gup::get_user_page(pool);
        iova = gup::iova(ref);
        device.fetch(iova);
        gup::put_user_page(std::move(ref), gup::clean);
    }
    device.store(iova, one_fault);
    CHECK(log.wait_for("DMA Write.*" + fault_at(iova)));
    device.fetch(iova, one_fault);
    CHECK(log.wait_for("DMA Read.*" + fault_at(iova)));
}

TEST_CASE("a device cannot write to a page that is pinned for reading, and the IOMMU says so") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool<gup::vfio_domain<>, gup::dma_access::to_device> pool{domain, {.pages = 1}};
    auto ref = gup::get_user_page(pool);
    std::memset(ref.bytes().data(), 0x33, ref.size());
    kernel_log log;
    // before anything is read there: QEMU stops a write to what it has looked up for reading without a word
    device.store(gup::iova(ref), one_fault);
    CHECK(log.wait_for("DMA Write.*" + fault_at(gup::iova(ref))));
    CHECK(all_are(ref.bytes(), std::byte{0x33}));
    gup::put_user_page(std::move(ref), gup::clean);
}

TEST_CASE("a device without bus mastering reaches nothing") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{domain, {.pages = 1}};
    auto ref = gup::get_user_page(pool);
    std::memset(ref.bytes().data(), 0x77, ref.size());
    device.device.disable_bus_master();
    device.store(gup::iova(ref));
    CHECK(all_are(ref.bytes(), std::byte{0x77}));
    device.device.enable_bus_master();
    device.store(gup::iova(ref));
    CHECK_FALSE(all_are(ref.bytes(), std::byte{0x77}));
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("a register is the same through the mapping and by system call") {
    edu device;
    device.bar().write<std::uint32_t>(4, 0x01020304); // reads back inverted
    CHECK(device.device.read_bar<std::uint32_t>(0, 4) == 0xfefdfcfbU);
    device.device.write_bar<std::uint32_t>(0, 4, 0xffff0000U);
    CHECK(device.bar().read<std::uint32_t>(4) == 0x0000ffffU);
}

TEST_CASE("the MSI-X table of a device is not written to through its BAR") {
    gup::vfio_device nvme(gup::vfio_container(), gup_test::nvme_address);
    const auto bar = nvme.map_bar(0);
    constexpr std::size_t table = 0x2000; // of QEMU's disk
    const auto data = bar.read<std::uint32_t>(table + 8);
    int refused = 0;
    try {
        bar.write<std::uint32_t>(table + 8, 0x1234);
    } catch (const gup::pin_error& error) {
        refused = error.code().value();
    }
    CHECK(refused == EACCES);
    CHECK(bar.read<std::uint32_t>(table + 8) == data);
    nvme.map_bar(0, gup::msix_table_pages::writable).write<std::uint32_t>(table + 8, data);
}

TEST_CASE("a register that may not answer is read by system call") {
    edu device;
    const auto command = device.device.read_config<std::uint16_t>(4);
    device.device.write_config<std::uint16_t>(4,
                                              static_cast<std::uint16_t>(command & ~2U)); // decodes no memory
    int refused = 0;
    try {
        static_cast<void>(device.device.read_bar<std::uint32_t>(0, 4));
    } catch (const gup::pin_error& error) {
        refused = error.code().value();
    }
    CHECK(refused == EIO);
    device.device.write_config<std::uint16_t>(4, command);
    CHECK(device.device.read_bar<std::uint32_t>(0, 0) == 0x010000edU);
}

TEST_CASE("a device's interrupt comes through an eventfd") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{domain, {.pages = 1}};
    auto ref = gup::get_user_page(pool);
    const int event = ::eventfd(0, EFD_CLOEXEC);
    device.device.enable_msi(std::array{event});
    device.store_and_interrupt(gup::iova(ref));
    pollfd poll{.fd = event, .events = POLLIN, .revents = 0};
    CHECK(::poll(&poll, 1, 10'000) == 1);
    device.acknowledge_interrupt();
    device.device.disable_msi();
    device.device.disable_msi(); // once more is no error
    ::close(event);
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("a device sees what is written later to memory of which another part is read-only") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    void* const mapped =
        ::mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(mapped != MAP_FAILED);
    const std::span memory(static_cast<std::byte*>(mapped), 3 * 4096);
    REQUIRE(::mprotect(mapped, 4096, PROT_READ) == 0);
    {
        auto from = gup::get_user_pages(domain, std::span<const std::byte>(memory));
        gup::page_pool pool{domain, {.pages = 1}};
        auto to = gup::get_user_page(pool);
        std::memset(memory.data() + 4096, 0x5a, 2 * 4096);
        device.fetch(gup::iova(from) + 4096);
        device.store(gup::iova(to));
        CHECK(to.bytes()[0] == std::byte{0x5a});
        gup::put_user_page(std::move(from));
        gup::put_user_page(std::move(to), gup::clean);
    }
    ::munmap(mapped, memory.size());
}

TEST_CASE("a pool of huge pages is mapped at an I/O address that huge pages can be used for") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    gup::page_pool pool{
        domain,
        {.page_size = std::size_t{1} << 21, .pages = 4, .memory = gup::memory_kind::transparent_huge}};
    auto ref = gup::get_user_page(pool);
    CHECK(gup::iova(ref) % (std::uint64_t{1} << 21) == 0);
    fill(ref.bytes(), 9);
    device.fetch(gup::iova(ref) + ref.size() - 4096);
    std::memset(ref.bytes().data(), 0, 4096);
    device.store(gup::iova(ref));
    CHECK(std::ranges::equal(ref.bytes().first(edu::most_bytes),
                             ref.bytes().subspan(ref.size() - 4096, edu::most_bytes)));
    gup::put_user_page(std::move(ref), gup::dirty);
}

TEST_CASE("the memory of a device is mapped for another one of its container") {
    gup::vfio_container container;
    edu device{container};
    gup::vfio_device nvme{container, gup_test::nvme_address};
    gup::vfio_domain<> domain{container};
    gup::page_pool pool{domain, {.pages = 1}};
    auto to = gup::get_user_page(pool);
    const auto bar = nvme.map_bar(0);
    auto registers =
        gup::get_user_pages<gup::dma_access::read_write>(domain, bar.memory().first(4096), bar.provider());

    const auto* const provider = gup::auxiliary<const gup::pci_device_info>(registers);
    REQUIRE(provider != nullptr);
    CHECK(provider->address == gup_test::nvme_address);
    CHECK(provider->vendor == 0x1b36);

    device.fetch(gup::iova(registers), 8); // the controller's capabilities, by DMA
    device.store(gup::iova(to), 8);
    std::uint64_t capabilities = 0;
    std::memcpy(&capabilities, to.bytes().data(), sizeof capabilities);
    CHECK(capabilities == nvme.map_bar(0).read<std::uint64_t>(0));
    gup::put_user_page(std::move(registers), gup::clean);
    gup::put_user_page(std::move(to), gup::dirty);
}
