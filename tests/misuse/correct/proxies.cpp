// SPDX-License-Identifier: BSL-1.0
// correct: a source of proxies, and pins through them
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

class snapshot : public gup::proxy_owner<snapshot, domain> {
public:
    explicit snapshot(pool& pages) : pages_(pages) {}
    plain make(std::uint64_t index) {
        auto page = gup::get_page(pages_);
        auto proxy = make_proxy(page, {.mapping = gup::typed_pointer(this), .index = index});
        gup::put_page(std::move(page));
        return proxy;
    }
    void on_idle(gup::page_proxy&) noexcept {}
    void release(gup::page_proxy&) noexcept {}

private:
    pool& pages_;
};

std::uint64_t work(pool& pages) {
    auto source = gup::make_source<snapshot>(pages);
    auto proxy = source->make(4);
    auto pin = gup::get_user_page(proxy);
    fill(pin.bytes());
    const std::uint64_t index = gup::page_index(pin);
    gup::put_user_page(std::move(pin), gup::dirty);
    gup::put_page(std::move(proxy));
    return index;
}
