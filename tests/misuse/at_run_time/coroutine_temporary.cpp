// SPDX-License-Identifier: BSL-1.0
// misuse: a page in a temporary awaiter, which g++ 12 destroys twice
// expect-run-gcc-error: a reference was put that nobody counted
// expect-run-clang-clean
#include "../running.hpp"

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

/// An operation that takes its page and ends at once.
struct operation {
    int fd;
    gup_test::writer_ref page;
    bool await_ready() noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) noexcept {
        gup::put_user_page(std::move(page), gup::clean);
        return false;
    }
    void await_resume() noexcept {}
};

task read(gup_test::pretended_pool& pages) { co_await operation{-1, gup::get_user_page(pages)}; }

int main() {
    return run([] {
        auto pages = gup_test::pool_of(1);
        read(pages);
        check(pages.stats().free == 1, "the page is put once");
    });
}
