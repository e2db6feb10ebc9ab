// SPDX-License-Identifier: BSL-1.0
// misuse: an address space that was moved from
// expect-run-error: an address_space was used after it had been moved from
#include "../running.hpp"

int main() {
    return run([] {
        gup::address_space<gup_test::pretended> names;
        const auto moved = std::move(names);
        if (auto page = gup::get_user_page_fast(names, 7)) gup::put_user_page(*std::move(page), gup::clean);
    });
}
