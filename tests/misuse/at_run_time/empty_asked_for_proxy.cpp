// SPDX-License-Identifier: BSL-1.0
// misuse: empty: asked for its proxy
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::writer_ref page;
        check(gup::find_page_proxy(page) == nullptr, "there is none");
    });
}
