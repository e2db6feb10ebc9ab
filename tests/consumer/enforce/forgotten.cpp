// SPDX-License-Identifier: BSL-1.0
#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

void touch(gup::page_pool<gup::io_uring_domain<>>& pool) {
    auto page = gup::get_user_page(pool);
    page.bytes()[0] = std::byte{1};
}
