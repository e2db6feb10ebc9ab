// SPDX-License-Identifier: BSL-1.0
// misuse: proxy in front of a page of another domain
// expect-gcc-error: no matching function for call to .*make_proxy
// expect-clang-error: no matching member function for call to 'make_proxy'
#include "../program.hpp"

struct source : gup::proxy_owner<source, domain> {
    plain make(const gup::page_ref<gup::io_uring_domain<struct other>>& page) { return make_proxy(page, {}); }
};
