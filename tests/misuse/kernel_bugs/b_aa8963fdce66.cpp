// SPDX-License-Identifier: BSL-1.0
// misuse: B aa8963fdce66, f4feb1e20058 tun: page kept if the packet cannot be built
// expect-run-clean
#include "../running.hpp"

void build(std::span<std::byte>) { throw std::bad_alloc(); }

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        try {
            auto page = gup::get_user_page(pages);
            build(page.bytes());
            gup::put_user_page(std::move(page), gup::dirty);
        } catch (const std::bad_alloc&) {
        }
        check(pages.stats().free == 1, "the page is back");
    });
}
