// SPDX-License-Identifier: BSL-1.0
// misuse: empty: a second pin
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::writer_ref page;
        gup::put_user_page(gup::ref_user_page(page), gup::clean);
    });
}
