// SPDX-License-Identifier: BSL-1.0
// correct: pages that a device and io_uring use
// expect-clean
// expect-consumed-clang19-clean
#include "../devices.hpp"

void device_only(gup::page_pool<device_domain>& pages) {
    auto page = gup::get_user_page(pages);
    tell_device(gup::iova(page));
    auto flight = gup::start_dma_from_device(std::move(page), 1);
    tell_device(gup::iova(flight));
    auto back = gup::complete(std::move(flight), 1);
    use(back.bytes());
    gup::put_user_page(std::move(back), gup::dirty);
}

void both(gup::page_pool<both_domains>& pages, both_domains& domains, io_uring_sqe& entry,
          const io_uring_cqe& completion) {
    auto page = gup::get_user_page(pages);
    gup::prep_read_fixed(entry, 3, std::move(page), 0);
    auto read = gup::complete(domains, completion);
    tell_device(gup::iova(read));
    auto flight = gup::start_dma_to_device(std::move(read), 2);
    gup::put_user_page(gup::complete(std::move(flight), 2), gup::clean);
}
