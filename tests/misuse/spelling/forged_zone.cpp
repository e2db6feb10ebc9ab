// SPDX-License-Identifier: BSL-1.0
// misuse: the pin of a zone replaced by the program
// expect-error: set_registration
#include "../program.hpp"

void forge(const pinned& page) { gup::zone::of(&gup::page_descriptor(page)).set_registration(nullptr); }
