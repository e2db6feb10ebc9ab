// SPDX-License-Identifier: BSL-1.0
// misuse: empty: the put of a pin that only reads
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        gup_test::reader_ref page;
        gup::put_user_page(std::move(page));
    });
}
