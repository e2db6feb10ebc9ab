// SPDX-License-Identifier: BSL-1.0
// misuse: handles copied by their bytes, put together
// expect-run-error: a reference was put that nobody counted
#include "../running.hpp"

#include <cstring>

int main() {
    return run([] {
        auto pages = gup_test::pool_of(2);
        auto some = gup::get_user_pages(pages, 2);
        std::vector<gup_test::writer_ref> same(2);
        std::memcpy(static_cast<void*>(same.data()), some.data(), 2 * sizeof some[0]);
        gup::put_user_pages(std::move(some), gup::clean);
        gup::put_user_pages(std::move(same), gup::clean);
    });
}
