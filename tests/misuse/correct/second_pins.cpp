// SPDX-License-Identifier: BSL-1.0
// correct: second and narrower pins
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    auto again = gup::ref_user_page(page);
    auto seen = gup::ref_user_page<gup::dma_access::read>(again);
    gup::put_user_page(std::move(again), gup::clean);
    gup::put_user_page(std::move(seen));
    gup::put_user_page(std::move(page), gup::dirty);
}
