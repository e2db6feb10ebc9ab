// SPDX-License-Identifier: BSL-1.0
// misuse: empty: of memory of the program's own
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::pretended domain;
        const auto memory = map_pages(1);
        auto page = gup::get_user_pages(domain, memory);
        gup::put_user_page(std::move(page), gup::clean);
        check(gup::find_dynamic_page(page) == nullptr, "there is none");
    });
}
