// SPDX-License-Identifier: BSL-1.0
// misuse: empty: a second ordinary reference
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::plain_ref page;
        gup::put_page(gup::get_page(page));
    });
}
