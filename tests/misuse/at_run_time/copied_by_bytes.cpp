// SPDX-License-Identifier: BSL-1.0
// misuse: a handle copied by its bytes, both put
// expect-run-error: a reference was put that nobody counted
#include "../running.hpp"

#include <cstring>

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_user_page(pages);
        gup_test::writer_ref same;
        std::memcpy(static_cast<void*>(&same), &page, sizeof page);
        gup::put_user_page(std::move(page), gup::clean);
        gup::put_user_page(std::move(same), gup::clean);
    });
}
