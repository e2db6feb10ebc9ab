// SPDX-License-Identifier: BSL-1.0
// misuse: G badad6fad60d RDMA: a pin for reading used for writing
// expect-error: access narrows and never widens
#include "../program.hpp"

void write_to(const reader& page) { gup::ref_user_page<gup::dma_access::read_write>(page); }
