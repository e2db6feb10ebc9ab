// SPDX-License-Identifier: BSL-1.0
// misuse: a linear reference kept while a coroutine is suspended
// expect-linear-error: or was not inlined: .*suspension of a coroutine
#include "../program.hpp"

#include <coroutine>

struct task {
    struct promise_type {
        task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() noexcept {}
    };
};

task read(pool& pages) {
    gup::linear page{gup::get_user_page(pages)};
    co_await std::suspend_always{};
    gup::put_user_page(std::move(page), gup::dirty);
}
