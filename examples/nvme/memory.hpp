// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The memory that driver and controller share, in the words of gup.

#include "gup/page_pool.hpp"
#include "gup/vfio.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace nvme {

using domain = gup::vfio_domain<>;
using memory_pool = gup::page_pool<domain>;
using page = gup::user_page_ref<domain>;
/// A page that is the controller's until a command completes.
using lent_page = gup::in_flight<page>;

inline constexpr std::size_t page_size = 4096;

/// A page that driver and controller use at the same time, as queues are: pinned twice, once for each of
/// them.
class shared_page {
public:
    explicit shared_page(memory_pool& pool) : ours_(gup::get_user_page(pool)) {}

    std::byte* at(std::size_t offset) const noexcept { return ours_.bytes().data() + offset; }
    /// The address to tell the controller: from now on the page, all zeroes, is the controller's too.
    std::uint64_t lend() {
        std::ranges::fill(ours_.bytes(), std::byte{0});
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

} // namespace nvme
