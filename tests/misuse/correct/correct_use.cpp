// SPDX-License-Identifier: BSL-1.0
// correct: all verbs
// expect-clean
// expect-consumed-clang19-clean
#include "gup/page_pool.hpp"

void use(gup::user_page_ref<struct domain> page,
         gup::user_page_ref<struct domain, gup::dma_access::read> seen, gup::page_ref<struct domain> held) {
    auto again = gup::ref_user_page(page);
    auto narrow = gup::ref_user_page<gup::dma_access::read>(page);
    auto pinned = gup::get_user_page<gup::dma_access::to_device>(held);
    again.bytes()[0] = seen.bytes()[0];
    gup::put_user_page(std::move(again), gup::dirty);
    gup::put_user_page(std::move(narrow));
    gup::put_user_page(std::move(pinned), gup::clean);
    gup::put_user_page(std::move(seen));
    gup::put_page(std::move(held));
    gup::put_user_page(std::move(page), gup::clean);
}
