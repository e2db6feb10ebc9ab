// SPDX-License-Identifier: BSL-1.0
// misuse: a handle copied by its bytes, one put and one dropped
// expect-run-error: a reference was put that nobody counted
#include "../running.hpp"

#include <cstring>

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        auto page = gup::get_page(pages);
        gup_test::plain_ref same;
        std::memcpy(static_cast<void*>(&same), &page, sizeof page);
        gup::put_page(std::move(page));
    });
}
