// SPDX-License-Identifier: BSL-1.0
// correct: operations of io_uring
// expect-clean
// expect-consumed-clang19-clean
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

using log_domain = gup::io_uring_domain<struct log_ring>;

void copy(log_domain& domain, gup::page_pool<log_domain>& pool, io_uring_sqe& read, io_uring_sqe& write,
          const io_uring_cqe& first, const io_uring_cqe& second) {
    gup::prep_read_fixed(read, 3, gup::get_user_page(pool), 0);
    auto page = gup::complete(domain, first);
    auto sent = gup::prep_write_fixed(write, 4, gup::ref_user_page<gup::dma_access::read>(page), 0,
                                      {.part = {.length = 512}, .user_data = 42});
    gup::put_user_page(gup::complete(std::move(sent), second));
    gup::put_user_page(std::move(page), gup::clean);
}
