// SPDX-License-Identifier: BSL-1.0
// misuse: get_page of a reference that leads through a proxy
// expect-error: get_page is for ordinary references: a second pin comes from ref_user_page
#include "../program.hpp"

template <class Source>
void share(gup::source_handle<Source>& source) {
    auto proxy = source->make(1);
    auto pin = gup::get_user_page(proxy);
    auto second = gup::get_page(pin);
}

struct source : gup::proxy_owner<source, domain> {
    plain make(std::uint64_t);
    void on_idle(gup::page_proxy&) noexcept;
    void release(gup::page_proxy&) noexcept;
};
template void share(gup::source_handle<source>&);
