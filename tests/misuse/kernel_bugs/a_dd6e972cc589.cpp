// SPDX-License-Identifier: BSL-1.0
// misuse: A dd6e972cc589 net/mlx5e: kTLS, one page taken by get_page, ended by the wrong put
// expect-error: get_page is for ordinary references
#include "../program.hpp"

void transmit(const pinned& page) { gup::get_page(page); }
