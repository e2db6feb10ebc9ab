// SPDX-License-Identifier: BSL-1.0
// misuse: forged reference
// expect-gcc-error: is private
// expect-clang-error: private constructor
#include "gup/user_page_ref.hpp"

gup::user_page_ref<struct domain> forge(const gup::page& page) {
    return gup::user_page_ref<struct domain>(gup::detail::reference_word(page));
}
