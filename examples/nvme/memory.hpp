// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The memory that driver and controller share, and how a command names its pages (PRP entries).

#include "gup/page_pool.hpp"
#include "gup/vfio.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace nvme {

using domain = gup::vfio_domain<>;
using memory_pool = gup::page_pool<domain>;
using page = gup::user_page_ref<domain>;
/// A page that is the controller's until a command completes.
using lent_page = gup::in_flight<page>;

inline constexpr std::size_t page_size = 4096;

/// A page of zeroes that driver and controller use at the same time, as queues are: pinned twice, once for
/// each of them.
class shared_page {
public:
    explicit shared_page(memory_pool& pool) : ours_(gup::get_user_page(pool)) {
        std::fill(ours_.bytes().begin(), ours_.bytes().end(), std::byte{0});
    }

    std::byte* at(std::size_t offset) const noexcept { return ours_.bytes().data() + offset; }
    /// The address to tell the controller: from now on the page is the controller's too.
    std::uint64_t lend() {
        theirs_ = gup::start_dma_from_device(gup::ref_user_page(ours_), 0);
        return gup::iova(theirs_);
    }
    /// The controller has stopped.
    void reclaim() {
        if (theirs_) gup::put_user_page(gup::complete(std::move(theirs_), 0), gup::clean);
    }

private:
    page ours_;
    lent_page theirs_{};
};

inline constexpr std::size_t list_entries = page_size / sizeof(std::uint64_t);

/// Pages for lists that a command with so many pages of data needs: it names one or two itself, and the last
/// entry of each list leads to the next one if there is a next one.
constexpr std::size_t lists_for(std::size_t data_pages) noexcept {
    return data_pages <= 2 ? 0 : (data_pages - 2 + list_entries - 2) / (list_entries - 1);
}
static_assert(lists_for(2) == 0 && lists_for(3) == 1);
static_assert(lists_for(1 + 512) == 1 && lists_for(1 + 513) == 2);
static_assert(lists_for(1 + 511 + 512) == 2 && lists_for(1 + 511 + 513) == 3);

/// Lists all pages of data but the first, which is the command's PRP 1: what its PRP 2 is to be.
inline std::uint64_t fill_lists(std::span<const lent_page> data, std::span<page> lists) {
    if (data.size() < 2) return 0;
    if (data.size() == 2) return gup::iova(data[1]);
    const auto set = [&](std::size_t list, std::size_t entry, std::uint64_t address) {
        std::memcpy(lists[list].bytes().data() + entry * sizeof address, &address, sizeof address);
    };
    std::size_t next = 1;
    for (std::size_t list = 0; list < lists.size(); ++list) {
        const bool last = list + 1 == lists.size();
        const std::size_t here = last ? data.size() - next : list_entries - 1;
        for (std::size_t entry = 0; entry < here; ++entry) set(list, entry, gup::iova(data[next++]));
        if (!last) set(list, list_entries - 1, gup::iova(lists[list + 1]));
    }
    return gup::iova(lists[0]);
}

} // namespace nvme
