// SPDX-License-Identifier: BSL-1.0
// misuse: a page of one domain taken for one of two
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted
#include "../devices.hpp"

void send(shared_page page);
void start(device_page page) { send(std::move(page)); }
