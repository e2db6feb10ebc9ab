// SPDX-License-Identifier: BSL-1.0
// misuse: a handle copied by its bytes of a page that others hold
// expect-run-error: a reference was put that nobody counted
#include "../running.hpp"

#include <cstring>

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        const auto kept = gup::get_page(pages);
        auto page = gup::get_user_page(kept);
        gup_test::writer_ref same;
        std::memcpy(static_cast<void*>(&same), &page, sizeof page);
        gup::put_user_page(std::move(page), gup::clean);
        gup::put_user_page(std::move(same), gup::clean);
    });
}
