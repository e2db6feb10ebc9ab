// SPDX-License-Identifier: BSL-1.0
// misuse: a handle of a tracked domain copied by its bytes
// expect-run-error: a reference was put that nobody counted.*at .*copied_by_bytes_of_tracked.cpp:
#include "../running.hpp"

#include <cstring>

int main() {
    return run([] {
        using tracked = gup::tracked<gup_test::pretended>;
        gup::page_pool<tracked> pages(tracked(), {.pages = 1});
        auto page = gup::get_user_page(pages);
        gup::user_page_ref<tracked> same;
        std::memcpy(static_cast<void*>(&same), &page, sizeof page);
        gup::put_user_page(std::move(page), gup::clean);
        gup::put_user_page(std::move(same), gup::clean);
    });
}
