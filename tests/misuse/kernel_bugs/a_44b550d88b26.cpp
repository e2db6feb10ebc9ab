// SPDX-License-Identifier: BSL-1.0
// misuse: A 44b550d88b26 net/rds: zerocopy pages cleaned up before the message is queued
// expect-error: a device may still reach this page
#include "../program.hpp"

void give_up(token sending) { gup::put_user_page(std::move(sending), gup::clean); }
