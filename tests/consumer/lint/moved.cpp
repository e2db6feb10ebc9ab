// SPDX-License-Identifier: BSL-1.0
#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

using page = gup::user_page_ref<gup::io_uring_domain<>>;

void put_twice(page&& first) {
    gup::put_user_page(std::move(first), gup::clean);
    gup::put_user_page(std::move(first), gup::clean);
}

std::size_t taken_and_dropped(page&& given) { return given.size(); }
