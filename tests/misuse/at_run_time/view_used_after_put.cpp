// SPDX-License-Identifier: BSL-1.0
// misuse: m19 a view used after the put
// expect-run-error: byte 100 of page 0.*got at [^ ]*view_used_after_put.cpp:10 in .*put at [^ ]*view_used_after_put.cpp:12
#include "../running.hpp"

int main() {
    return run([] {
        gup::page_pool pages{gup::tracked{gup_test::pretended{}}, {.pages = 1}};

        auto page = gup::get_user_page(pages);
        const auto view = page.bytes();
        gup::put_user_page(std::move(page), gup::dirty);
        view[100] = std::byte{1};
    });
}
