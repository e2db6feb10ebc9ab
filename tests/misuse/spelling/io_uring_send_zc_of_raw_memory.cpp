// SPDX-License-Identifier: BSL-1.0
// misuse: io_uring send_zc of a pointer
// expect-error: memory is no page: get one of a pool
#include "../program.hpp"

void send(io_uring_sqe* sqe, const void* memory) { gup::prep_send_zc_fixed(sqe, 3, memory, 4096, 0); }
