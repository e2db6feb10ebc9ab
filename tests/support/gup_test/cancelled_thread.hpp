// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A thread that has been cancelled and has not come to a cancellation point yet: for what must be none.

#include <pthread.h>

namespace gup_test {

/// Does `operation` on a thread that was cancelled before; true if it was still there afterwards.
template <class Operation>
bool outlives_cancellation(Operation operation) {
    struct {
        Operation& operation;
        bool done;
    } errand{operation, false};
    pthread_t thread{};
    const auto run = [](void* given) -> void* {
        auto& my = *static_cast<decltype(&errand)>(given);
        ::pthread_cancel(::pthread_self());
        my.operation();
        my.done = true;
        ::pthread_testcancel(); // the request has waited
        return nullptr;
    };
    if (::pthread_create(&thread, nullptr, run, &errand) != 0) return false;
    void* result = nullptr;
    ::pthread_join(thread, &result);
    return errand.done && result == PTHREAD_CANCELED;
}

} // namespace gup_test
