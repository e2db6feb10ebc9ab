// SPDX-License-Identifier: BSL-1.0
// What gup::linear proves at -O1, where verbs that are used more than once are not inlined.
#include "gup/domain/mlock.hpp"
#include "gup/linear.hpp"
#include "gup/page_pool.hpp"

#include <utility>

namespace {

using pool = gup::page_pool<gup::mlock_domain>;

} // namespace

void narrow_and_put(pool& from, bool written);
void narrow_and_put(pool& from, bool written) {
    gup::linear page{gup::get_user_page(from)};
    auto reader = gup::ref_user_page<gup::dma_access::read>(page);
    gup::put_user_page(std::move(page), written ? gup::dirty : gup::clean);
    gup::put_user_page(std::move(reader));
}

void narrow_each_and_put(pool& from);
void narrow_each_and_put(pool& from) {
    gup::linear page{gup::get_user_page(from)};
    gup::linear second = gup::ref_user_page(page);
    auto reader = gup::ref_user_page<gup::dma_access::read>(second);
    auto sender = gup::ref_user_page<gup::dma_access::to_device>(page);
    gup::put_user_page(std::move(second), gup::clean);
    gup::put_user_page(std::move(reader));
    gup::put_user_page(std::move(page), gup::clean);
    gup::put_user_page(std::move(sender), gup::clean);
}
