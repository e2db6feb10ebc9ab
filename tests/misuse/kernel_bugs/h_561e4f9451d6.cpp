// SPDX-License-Identifier: BSL-1.0
// misuse: H 561e4f9451d6 io_uring/kbuf: buffers freed while they are in use
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        std::optional<gup_test::pretended_pool> pages(gup_test::pool_of(1));
        auto page = gup::get_user_page(*pages);
        pages.reset();
        page.bytes()[4095] = std::byte{1};
        check(page.bytes()[4095] == std::byte{1}, "the memory is there until the put");
        gup::put_user_page(std::move(page), gup::dirty);
    });
}
