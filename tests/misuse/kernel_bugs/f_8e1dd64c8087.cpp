// SPDX-License-Identifier: BSL-1.0
// misuse: F 8e1dd64c8087 xen/gntdev: written pages put without being made dirty
// expect-error: a put of a writable page must say whether it was written
#include "../program.hpp"

void finish(pinned page) {
    page.bytes()[0] = std::byte{1};
    gup::put_user_page(std::move(page));
}
