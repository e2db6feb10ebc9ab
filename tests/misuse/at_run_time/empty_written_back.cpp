// SPDX-License-Identifier: BSL-1.0
// misuse: empty: asked whether it must be written back
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::plain_ref page;
        if (gup::clear_page_dirty_for_io(page)) std::puts("it must");
    });
}
