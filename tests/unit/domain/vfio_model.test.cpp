// SPDX-License-Identifier: BSL-1.0
// Random pins and releases in a container against a naive oracle: a list of what is pinned. The pretended
// kernel and the oracle know the same mappings at every step.
#include "gup/domain/vfio.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/vfio_scene.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <rapidcheck.h>
#include <utility>
#include <vector>

namespace {

using gup::dma_access;
using gup_test::pretend_iommu;
using gup_test::vfio_domain;
using kernel = gup_test::vfio_kernel;

constexpr std::uint64_t page = 4096;

/// The domain under test beside the oracle. Every step says whether both agree.
class model {
public:
    explicit model(const std::vector<pretend_iommu::window>& windows, unsigned address_bits)
        : windows_(windows), address_bits_(address_bits) {
        kernel::windows = windows;
        kernel::entry_limit = entries;
        container_.emplace();
        group_.emplace(*container_, 1);
        domain_.emplace(*container_, gup::vfio_options{.address_bits = address_bits});
    }

    void pin(std::size_t pages, dma_access access, int error) {
        const auto memory = gup_test::made_up_memory(pages * page, next_address_ += std::uintptr_t{1} << 32);
        if (error != 0) kernel::refuse[VFIO_IOMMU_MAP_DMA] = error;
        gup::pin_failure failure;
        auto made = domain_->try_pin(memory, access, failure);
        const bool asked = error == 0 || !kernel::refuse.contains(VFIO_IOMMU_MAP_DMA);
        kernel::refuse.clear();
        if (made) {
            RC_ASSERT(error == 0);
            const std::uint32_t write = gup::device_may_write(access) ? VFIO_DMA_MAP_FLAG_WRITE : 0;
            expected_[made->iova()] = {made->iova(), reinterpret_cast<std::uintptr_t>(memory.data()),
                                       memory.size(), VFIO_DMA_MAP_FLAG_READ | write};
            pinned_.push_back(std::move(*made));
        } else if (error != 0 && asked) {
            RC_ASSERT(failure.code.value() == error);
        } else {
            RC_ASSERT(failure.code.value() == ENOSPC);
            RC_ASSERT(pinned_.size() == entries || !has_room(pages));
        }
        check();
    }
    void release(std::size_t which) {
        if (pinned_.empty()) return;
        const auto chosen = pinned_.begin() + static_cast<std::ptrdiff_t>(which % pinned_.size());
        expected_.erase(chosen->iova());
        pinned_.erase(chosen);
        check();
    }

private:
    static constexpr std::size_t entries = 12;

    std::uint64_t last_address() const {
        return address_bits_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << address_bits_) - 1;
    }
    /// Tries every address.
    bool has_room(std::size_t pages) const {
        for (const auto& window : windows_)
            for (std::uint64_t iova = std::max(window.first, page);
                 iova + pages * page - 1 <= std::min(window.last, last_address()); iova += page)
                if (is_free(iova, iova + pages * page - 1)) return true;
        return false;
    }
    bool is_free(std::uint64_t first, std::uint64_t last) const {
        return std::none_of(expected_.begin(), expected_.end(), [&](const auto& one) {
            return one.second.iova <= last && first <= one.second.last();
        });
    }
    void check() const {
        const auto mapped = kernel::mappings(); // which refuses overlaps and what is outside its windows
        RC_ASSERT(mapped.size() == expected_.size());
        for (const auto& [iova, one] : expected_) {
            const auto found = mapped.find(iova);
            RC_ASSERT(found != mapped.end());
            RC_ASSERT(found->second.vaddr == one.vaddr);
            RC_ASSERT(found->second.bytes == one.bytes);
            RC_ASSERT(found->second.flags == one.flags);
            RC_ASSERT(iova >= page);
            RC_ASSERT(one.last() <= last_address());
        }
    }

    const std::vector<pretend_iommu::window> windows_;
    const unsigned address_bits_;
    std::optional<gup_test::vfio_container> container_{};
    std::optional<gup_test::vfio_group> group_{};
    std::optional<vfio_domain> domain_{};
    std::map<std::uint64_t, pretend_iommu::mapping> expected_{};
    std::vector<vfio_domain::registration> pinned_{};
    std::uintptr_t next_address_ = 0;
};

/// Few pages, so that they run out, with holes between them.
std::vector<pretend_iommu::window> arbitrary_windows() {
    std::vector<pretend_iommu::window> made;
    std::uint64_t at = *rc::gen::element<std::uint64_t>(0, page, 7 * page);
    for (const auto& [pages, hole] : *rc::gen::resize(
             4,
             rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()))) {
        const std::uint64_t bytes = (2 + pages % 24) * page;
        made.push_back({at, at + bytes - 1});
        at += bytes + (1 + hole % 4) * page;
    }
    return made;
}

} // namespace

TEST_CASE("What random pins and releases leave mapped is what the model says") {
    const bool holds = rc::check([] {
        const gup_test::fresh_machine machine;
        model m(arbitrary_windows(), *rc::gen::element(13U, 16U, 17U, 64U));
        const auto steps = *rc::gen::inRange(1, 80);
        for (int step = 0; step < steps; ++step) {
            if (*rc::gen::inRange(0, 3) == 0) {
                m.release(*rc::gen::arbitrary<std::size_t>());
                continue;
            }
            const auto access =
                *rc::gen::element(dma_access::read, dma_access::to_device, dma_access::read_write);
            m.pin(*rc::gen::inRange<std::size_t>(1, 9), access,
                  *rc::gen::weightedElement<int>({{6, 0}, {1, EFAULT}, {1, ENOMEM}}));
        }
    });
    CHECK(holds);
    CHECK(kernel::nothing_left());
}
