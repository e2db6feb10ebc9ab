// SPDX-License-Identifier: BSL-1.0
// What the kernel refuses, and what gup makes of it.
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/skip.hpp"
#include "support/edu.hpp"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <linux/capability.h>
#include <linux/vfio.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using gup_test::edu;

namespace {

constexpr std::size_t page = 4096;

/// Pages of the test's own, unmapped at the end.
struct mapping {
    explicit mapping(std::size_t pages, int protection = PROT_READ | PROT_WRITE,
                     int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1)
        : bytes(static_cast<std::byte*>(::mmap(nullptr, pages * page, protection, flags, fd, 0)),
                pages * page) {
        REQUIRE(bytes.data() != MAP_FAILED);
    }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    ~mapping() { ::munmap(bytes.data(), bytes.size()); }
    std::span<std::byte> bytes;
};

struct refusal {
    int code = 0;
    std::string text;
    bool says(std::string_view part) const { return text.find(part) != std::string::npos; }
};

/// Why a range cannot be pinned.
refusal why_not(gup::vfio_domain<>& domain, std::span<const std::byte> range,
                gup::dma_access access = gup::dma_access::read_write) {
    gup::pin_failure failure;
    if (domain.try_pin(range, access, failure)) return {};
    return {failure.code.value(), failure.message()};
}

template <class Act>
refusal why_not(Act act) {
    try {
        act();
    } catch (const gup::pin_error& error) {
        return {error.code().value(), error.failure().message()};
    }
    return {};
}

} // namespace

TEST_CASE("memory that cannot be pinned is refused with the reason") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};

    SECTION("a hole") {
        mapping memory(3);
        ::munmap(memory.bytes.data() + page, page);
        const refusal why = why_not(domain, memory.bytes);
        CHECK(why.code == EFAULT);
        CHECK(why.says("not mapped"));
    }
    SECTION("read-only memory that the device could write to") {
        mapping memory(2, PROT_READ);
        const refusal why = why_not(domain, memory.bytes);
        CHECK(why.code == EFAULT);
        CHECK(why.says("dma_access::read"));
        CHECK(why_not(domain, memory.bytes, gup::dma_access::read).code == 0);
    }
    SECTION("memory without any access") {
        mapping memory(1, PROT_NONE);
        CHECK(why_not(domain, memory.bytes).code == EFAULT);
    }
    SECTION("secret memory") {
        const int fd = static_cast<int>(::syscall(SYS_memfd_secret, 0));
        if (fd < 0) { // it must be enabled on the kernel's command line before Linux 6.5
            gup_test::skip_optional("this kernel has no memfd_secret");
            return;
        }
        REQUIRE(::ftruncate(fd, page) == 0);
        {
            mapping memory(1, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
            const refusal why = why_not(domain, memory.bytes);
            CHECK(why.code == EFAULT);
            CHECK(why.says("memfd_secret"));
        }
        ::close(fd);
    }
    SECTION("beyond the end of a file") {
        const int fd = ::memfd_create("short", MFD_CLOEXEC);
        REQUIRE(::ftruncate(fd, page) == 0);
        {
            mapping memory(2, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
            const refusal why = why_not(domain, memory.bytes);
            CHECK(why.code == EFAULT);
            CHECK(why.says("end of its file"));
        }
        ::close(fd);
    }
}

TEST_CASE("ranges that are none of whole pages are refused before the kernel is asked") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    mapping memory(2);
    CHECK(why_not(domain, memory.bytes.subspan(8, page)).says("multiple of 4096"));
    CHECK(why_not(domain, memory.bytes.first(page - 1)).says("multiple of 4096"));
    CHECK(why_not(domain, memory.bytes.first(0)).says("empty"));
    const auto* const last = reinterpret_cast<const std::byte*>(UINTPTR_MAX - page + 1);
    CHECK(why_not(domain, {last, 2 * page}).says("wraps"));
}

TEST_CASE("the same memory can be mapped twice, at two I/O addresses") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    mapping memory(1);
    auto once = domain.pin(memory.bytes, gup::dma_access::read_write);
    auto again = domain.pin(memory.bytes, gup::dma_access::read_write);
    CHECK(once.iova() != again.iova());
}

TEST_CASE("I/O addresses that something else has taken are left alone") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    mapping memory(1);
    vfio_iommu_type1_dma_map request{};
    request.argsz = sizeof request;
    request.flags = VFIO_DMA_MAP_FLAG_READ;
    request.vaddr = reinterpret_cast<std::uintptr_t>(memory.bytes.data());
    request.size = page;
    {
        auto pinned = domain.pin(memory.bytes, gup::dma_access::read);
        request.iova = pinned.iova();
    }
    REQUIRE(::ioctl(device.device.container().descriptor(), VFIO_IOMMU_MAP_DMA, &request) == 0);
    const refusal why = why_not(domain, memory.bytes);
    CHECK(why.code == EEXIST);
    CHECK(why.says("try again"));
    auto pinned = domain.pin(memory.bytes, gup::dma_access::read);
    CHECK(pinned.iova() != request.iova);
}

TEST_CASE("I/O addresses beyond the width of the IOMMU and in its windows are never given out") {
    edu device;
    gup::vfio_domain<> domain{device.device.container()};
    mapping memory(1024);
    std::vector<gup::vfio_domain<>::registration> pinned;
    for (int i = 0; i < 20; ++i) {
        pinned.push_back(domain.pin(memory.bytes, gup::dma_access::read));
        const std::uint64_t iova = pinned.back().iova();
        CHECK(iova >= page);
        CHECK((iova + memory.bytes.size() <= 0xfee00000 || iova >= 0xfef00000));
        CHECK(iova + memory.bytes.size() - 1 <= 0x7fffffffff);
    }
}

TEST_CASE("a device of few address bits gets addresses that it can send, or none") {
    edu device;
    gup::vfio_domain<> domain{device.device.container(), {.address_bits = 24}};
    mapping memory(1024); // 4 MiB of the 16
    std::vector<gup::vfio_domain<>::registration> pinned;
    refusal why;
    for (int i = 0; i < 4 && why.code == 0; ++i) {
        why = why_not([&] { pinned.push_back(domain.pin(memory.bytes, gup::dma_access::read)); });
        if (why.code == 0) CHECK(pinned.back().iova() + memory.bytes.size() <= 1U << 24);
    }
    CHECK(pinned.size() == 3); // address 0 is never used
    CHECK(why.code == ENOSPC);
    CHECK(why.says("address_bits"));
}

TEST_CASE("the limit of mappings is reported before the kernel reports it") {
    const std::string parameter = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";
    std::string before;
    std::ifstream(parameter) >> before;
    std::ofstream(parameter) << 8;
    {
        edu device;
        gup::vfio_domain<> domain{device.device.container()};
        mapping memory(1);
        std::vector<gup::vfio_domain<>::registration> pinned;
        for (int i = 0; i < 8; ++i) pinned.push_back(domain.pin(memory.bytes, gup::dma_access::read));
        const refusal why = why_not(domain, memory.bytes);
        CHECK(why.code == ENOSPC);
        CHECK(why.says("8 mappings"));
        CHECK(why.says("dma_entry_limit"));
        pinned.pop_back();
        CHECK(why_not(domain, memory.bytes).code == 0);
    }
    std::ofstream(parameter) << before;
}

TEST_CASE("over the budget, the message says what is needed, used and allowed") {
    const auto child = gup_test::in_child([] {
        const rlimit limit{64 * page, 64 * page};
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2]{};
        if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || ::syscall(SYS_capget, &header, sets) != 0) return 10;
        for (auto* const set : {&sets[0].effective, &sets[0].permitted, &sets[0].inheritable})
            *set &= ~(1U << CAP_IPC_LOCK);
        if (::syscall(SYS_capset, &header, sets) != 0) return 11;
        edu device;
        gup::vfio_domain<> domain{device.device.container()};
        gup::page_pool fits{domain, {.pages = 32}};
        try {
            gup::page_pool too_large{domain, {.pages = 64}};
        } catch (const gup::pin_error& error) {
            const gup::pin_failure& failure = error.failure();
            std::fputs(error.what(), stderr);
            return error.code().value() == ENOMEM && failure.budget == gup::pin_budget::locked_vm &&
                           failure.need == 64 * page && failure.use == 32 * page && failure.limit == 64 * page
                       ? 0
                       : 12;
        }
        return 13;
    });
    INFO(child.said);
    CHECK(child.exited_with(0));
    CHECK(child.said_that("ulimit -l"));
}

TEST_CASE("a container has one domain, and one that has groups") {
    gup::vfio_container container;
    CHECK(why_not([&] { gup::vfio_domain<> domain{container}; }).says("has no group"));
    edu device{container};
    {
        gup::vfio_domain<> domain{container};
        CHECK(why_not([&] { gup::vfio_domain<> another{container}; }).says("copy that one"));
    }
    gup::vfio_domain<> domain{container}; // the one before has gone
}

TEST_CASE("a group of one container cannot be had by another") {
    edu device;
    const refusal why = why_not([] { edu another; });
    CHECK(why.code == EBUSY);
    CHECK(why.says("one user at a time"));
}

TEST_CASE("a device that is not there, or not VFIO's, is named with what to do") {
    const refusal missing = why_not([] { gup::vfio_device device("0000:0f:1f.7"); });
    CHECK(missing.code == ENOENT);
    CHECK(missing.says("lspci"));

    const std::string driver = "/sys/bus/pci/drivers/vfio-pci/";
    std::ofstream(driver + "unbind") << gup_test::edu_address;
    const refusal unbound = why_not([] { gup::vfio_device device(gup_test::edu_address); });
    std::ofstream(driver + "bind") << gup_test::edu_address;
    CHECK(unbound.code == ENOENT);
    CHECK(unbound.says("0000:00:04.0 (no driver)"));
    CHECK(unbound.says("driver_override"));
}

TEST_CASE("registers and interrupts that a device does not have are refused") {
    edu device;
    CHECK(why_not([&] { device.device.map_bar(1); }).says("has no BAR 1"));
    CHECK(why_not([&] { device.device.map_bar(6); }).says("BARs 0 to 5"));
    CHECK(why_not([&] { static_cast<void>(device.bar().read<std::uint32_t>(2)); }).code == EINVAL);
    CHECK(why_not([&] { static_cast<void>(device.bar().read<std::uint32_t>(1U << 20)); }).code == EINVAL);
    CHECK(why_not([&] { static_cast<void>(device.device.read_config<std::uint32_t>(1U << 20)); }).code ==
          EINVAL);
    CHECK(why_not([&] { device.device.enable_msi(std::vector<int>(64, 0)); }).says("vectors of MSI"));
    CHECK(why_not([&] { device.device.enable_msix(std::vector<int>(1, 0)); }).says("vectors of MSI-X"));
}
