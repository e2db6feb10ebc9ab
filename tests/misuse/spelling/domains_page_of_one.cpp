// SPDX-License-Identifier: BSL-1.0
// misuse: a page of one domain taken for one of two
// expect-error: domains do not share pins, ref_user_page<access>\(ref\) narrows an access, and nothing widens
// it
#include "../devices.hpp"

void send(shared_page page);
void start(device_page page) { send(std::move(page)); }
