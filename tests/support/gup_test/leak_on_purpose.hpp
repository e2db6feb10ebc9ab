// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// For tests of what gup leaks on purpose: what is allocated while this object lives is no leak to
/// LeakSanitizer. It would be one, because gup keeps the only pointers to it in memory of its own, where no
/// sanitizer looks.

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUP_TEST_HAS_LEAK_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GUP_TEST_HAS_LEAK_SANITIZER
#endif

#ifdef GUP_TEST_HAS_LEAK_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

namespace gup_test {

/// On the thread that makes it, and there only.
class leak_on_purpose {
public:
#ifdef GUP_TEST_HAS_LEAK_SANITIZER
    leak_on_purpose() { __lsan_disable(); }
    ~leak_on_purpose() { __lsan_enable(); }
#else
    leak_on_purpose() {}
    ~leak_on_purpose() {}
#endif
    leak_on_purpose(const leak_on_purpose&) = delete;
    leak_on_purpose& operator=(const leak_on_purpose&) = delete;
};

} // namespace gup_test
