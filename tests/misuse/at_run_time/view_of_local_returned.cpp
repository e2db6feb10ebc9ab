// SPDX-License-Identifier: BSL-1.0
// misuse: a view of a local reference returned
// expect-clang-warning: (address of|reference to) stack memory associated with (local )?variable .page. returned
// expect-run-gcc-error: a page's bytes were used while nobody held the page
#include "../running.hpp"

using tracked_pool = gup::page_pool<gup::tracked<gup_test::pretended>>;

std::span<std::byte> look(tracked_pool& pages) {
    const auto page = gup::get_user_page(pages);
    return page.bytes();
}

int main() {
    return run([] {
        tracked_pool pages{gup::tracked{gup_test::pretended{}}, {.pages = 1}};
        const auto view = look(pages);
        view[0] = std::byte{1};
    });
}
