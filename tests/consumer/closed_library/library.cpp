// SPDX-License-Identifier: BSL-1.0
#include "library.hpp"

namespace {

gup::user_page_ref<domain> page() {
    gup::page_pool pool{domain(), {.pages = 8}};
    return gup::get_user_page(pool);
}
gup::page_ref<domain> proxy() {
    gup::page_pool pool{domain(), {.pages = 8}};
    gup::address_space<domain> names;
    names.insert(3, gup::get_page(pool));
    return *gup::find_get_page(names, 3);
}
gup::user_page_ref<domain> memory(domain in, std::span<std::byte> range) {
    const gup::memory_provider provider{.keep_alive = std::make_shared<const int>(1)};
    return gup::get_user_pages<gup::dma_access::read_write>(in, range, provider);
}
domain mark() { return domain(); }
gup::user_page_ref<gup::tracked<domain>> place_of_get(tracked_pool& pool) { return gup::get_user_page(pool); }
pin counts(std::span<std::byte> range) { return gup::mlock_domain().pin(range); }

} // namespace

const library* the_library() noexcept {
    static constexpr library mine{&page, &proxy, &memory, &mark, &place_of_get, &counts};
    return &mine;
}
