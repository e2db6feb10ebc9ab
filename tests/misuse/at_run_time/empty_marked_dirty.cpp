// SPDX-License-Identifier: BSL-1.0
// misuse: empty: marked as dirty
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::writer_ref page;
        gup::set_page_dirty(page);
    });
}
