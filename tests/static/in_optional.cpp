// SPDX-License-Identifier: BSL-1.0
// What was in a std::optional does not look uninitialised to the optimiser when the optional has been reset
// and goes: a program that makes errors of warnings would not compile.
#include "gup/domain/io_uring.hpp"
#include "gup/gup.hpp"
#include "gup/vfio.hpp"

#include <algorithm>
#include <array>
#include <optional>

void look() noexcept;

template <class Owner>
void drop_in_every_order(Owner& owner) {
    std::array order{0, 1, 2};
    do {
        std::optional<Owner> held(std::move(owner));
        bool out = false;
        for (const int which : order) {
            if (which == 1) held.reset(), out = true;
            if (!out) look();
        }
    } while (std::ranges::next_permutation(order).found);
}

using ring_domain = gup::io_uring_domain<>;
using device_domain = gup::vfio_domain<>;
using pinned = gup::user_page_ref<ring_domain>;

template void drop_in_every_order(pinned&);
template void drop_in_every_order(gup::user_page_ref<ring_domain, gup::dma_access::read>&);
template void drop_in_every_order(gup::page_ref<ring_domain>&);
template void drop_in_every_order(gup::in_flight<pinned>&);
template void drop_in_every_order(gup::page_pool<ring_domain>&);
template void drop_in_every_order(gup::page_pool<device_domain>&);
template void drop_in_every_order(gup::page_pool<gup::tracked<ring_domain>>&);
template void drop_in_every_order(gup::address_space<ring_domain>&);
template void drop_in_every_order(ring_domain::registration&);
template void drop_in_every_order(gup::mlock_domain::registration&);
template void drop_in_every_order(device_domain::registration&);
template void drop_in_every_order(ring_domain&);
template void drop_in_every_order(device_domain&);
template void drop_in_every_order(gup::vfio_container&);
template void drop_in_every_order(gup::vfio_group&);
template void drop_in_every_order(gup::vfio_device&);
