// SPDX-License-Identifier: BSL-1.0
// misuse: source of proxies that does not take them back
// expect-gcc-error: constraints not satisfied|no matching function
// expect-clang-error: no matching function for call to 'make_source'
#include "../program.hpp"

struct source : gup::proxy_owner<source, domain> {
    plain make(std::uint64_t);
    void on_idle(gup::page_proxy&) noexcept;
};

auto made = gup::make_source<source>();
