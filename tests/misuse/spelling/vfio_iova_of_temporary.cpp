// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a page that is put at once
// expect-error: the I/O address of a temporary is of a page that is put at once: name the reference
#include "../devices.hpp"

void start(gup::page_pool<device_domain>& pages) { tell_device(gup::iova(gup::get_user_page(pages))); }
