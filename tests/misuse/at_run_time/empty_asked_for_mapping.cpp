// SPDX-License-Identifier: BSL-1.0
// misuse: empty: asked what it is a page of
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::writer_ref page;
        check(gup::page_index(page) == 0, "there is none");
    });
}
