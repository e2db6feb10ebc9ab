// SPDX-License-Identifier: BSL-1.0
// Memory that devices only read is populated before it is pinned: what becomes of what cannot be.
#include "gup/domain/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <cerrno>
#include <cstdint>
#include <vector>

namespace {

using kernel = gup_test::vfio_kernel;

/// Populates no range with a page of this address in it, or knows nothing of populating.
struct choosy_kernel : kernel {
    static inline std::uintptr_t read_only = 0;
    static inline bool knows = true;
    static inline std::vector<std::uintptr_t> pages{}; ///< that were populated one by one

    static int madvise(void* address, std::size_t bytes, int advice) {
        if (advice != MADV_POPULATE_WRITE) return kernel::madvise(address, bytes, advice);
        if (!knows) return -EINVAL;
        const auto begin = reinterpret_cast<std::uintptr_t>(address);
        if (read_only - begin < bytes) return -EFAULT;
        if (bytes == 4096) pages.push_back(begin);
        return 0;
    }
};

struct choosy_scene : gup_test::fresh_machine {
    choosy_scene() {
        choosy_kernel::pages.clear();
        choosy_kernel::read_only = reinterpret_cast<std::uintptr_t>(memory.data());
        choosy_kernel::knows = true;
    }

    gup::basic_vfio_container<choosy_kernel> container{};
    gup::basic_vfio_group<choosy_kernel> group{container, 1};
    gup::vfio_domain<void, choosy_kernel> domain{container};
    std::span<const std::byte> memory = gup_test::made_up_memory(3 * 4096);
};

} // namespace

TEST_CASE("A page that cannot be populated keeps no other from being populated") {
    choosy_scene scene;
    const auto pinned = scene.domain.pin(scene.memory, gup::dma_access::read);
    CHECK(pinned.bytes() == scene.memory.size());
    const std::uintptr_t first = choosy_kernel::read_only;
    CHECK(choosy_kernel::pages == std::vector<std::uintptr_t>{first + 4096, first + 8192});
}

TEST_CASE("A kernel that populates nothing is not trusted with memory that devices only read") {
    choosy_scene scene;
    choosy_kernel::knows = false;
    gup::pin_failure failure;
    CHECK_FALSE(scene.domain.try_pin(scene.memory, gup::dma_access::to_device, failure).has_value());
    CHECK(gup_test::says(failure, EOPNOTSUPP, "dma_access::read_write"));
    CHECK(kernel::mappings().empty());
    CHECK(scene.domain.pin(scene.memory, gup::dma_access::read_write).bytes() == scene.memory.size());
}
