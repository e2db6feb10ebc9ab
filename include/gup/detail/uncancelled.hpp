// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `uncancelled`: no function of gup is a cancellation point of pthread_cancel(3). What is cancelled is
/// unwound as by an exception, which must not leave a release or a destructor, nor a call whose result would
/// be lost.

#include "gup/version.hpp"

#include <pthread.h>

GUP_SYSTEM_HEADER

namespace gup::process_wide_v1 {

/// While it lives, a request to cancel the thread waits. Around the calls that POSIX lets be cancellation
/// points, and around functions of the program's that gup calls where nothing may be thrown.
class uncancelled {
public:
    uncancelled() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    uncancelled(const uncancelled&) = delete;
    uncancelled& operator=(const uncancelled&) = delete;
    ~uncancelled() { ::pthread_setcancelstate(before_, &before_); }

private:
    int before_ = PTHREAD_CANCEL_ENABLE;
};

} // namespace gup::process_wide_v1

namespace gup::inline GUP_NAMESPACE::detail {
using process_wide_v1::uncancelled;
} // namespace gup::inline GUP_NAMESPACE::detail
