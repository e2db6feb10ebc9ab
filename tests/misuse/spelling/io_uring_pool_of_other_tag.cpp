// SPDX-License-Identifier: BSL-1.0
// misuse: m16 a page of another ring's domain
// expect-error: no matching
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

gup::page_pool<gup::io_uring_domain<struct log_ring>> make(gup::io_uring_domain<struct data_ring>& domain) {
    return gup::page_pool<gup::io_uring_domain<struct log_ring>>(domain, gup::pool_options{});
}
