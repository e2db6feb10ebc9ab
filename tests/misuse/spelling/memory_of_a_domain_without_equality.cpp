// SPDX-License-Identifier: BSL-1.0
// misuse: memory pinned in domains that nobody can tell apart
// expect-error: give the domain an operator==
#include "../program.hpp"

struct nameless {
    using kernel = gup::system_kernel;
    using registration = gup::mlock_domain::registration;
    registration pin(std::span<const std::byte>, gup::dma_access);
    std::optional<registration> try_pin(std::span<const std::byte>, gup::dma_access, gup::pin_failure&);
};

void lock(nameless& here, std::span<std::byte> memory) {
    gup::put_user_page(gup::get_user_pages(here, memory), gup::clean);
}
