// SPDX-License-Identifier: BSL-1.0
// correct: a coroutine
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

#include <coroutine>

struct task {
    struct promise_type {
        task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
};

task read(pool& pages) {
    auto page = gup::get_user_page(pages);
    co_await std::suspend_always{};
    use(page.bytes());
    gup::put_user_page(std::move(page), gup::clean);
}
