// SPDX-License-Identifier: BSL-1.0
// A signal handler that uses a pool, after any instruction of a thread that does so, too: it works
// or ends the program with a sentence, and never is a page given twice.
#include "gup/local.hpp"
#include "gup/page_pool.hpp"
#include "gup/tracked.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/pools.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

// The sanitizer of threads lets no handler run where the signal comes, that of addresses makes many more
// instructions.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GUP_TEST_SIGNALS_COME_LATE
#endif
#if __has_feature(address_sanitizer)
#define GUP_TEST_HAS_MANY_INSTRUCTIONS
#endif
#elif defined(__SANITIZE_THREAD__)
#define GUP_TEST_SIGNALS_COME_LATE
#elif defined(__SANITIZE_ADDRESS__)
#define GUP_TEST_HAS_MANY_INSTRUCTIONS
#endif

#if defined(__x86_64__) && !defined(GUP_TEST_SIGNALS_COME_LATE)

using namespace gup_test;

namespace {

#ifdef GUP_TEST_HAS_MANY_INSTRUCTIONS
constexpr int stride = 397;
#elif defined(NDEBUG)
constexpr int stride = 1; // few, and fewer of them in what a handler must not interrupt
#else
constexpr int stride = 31; // a child for each
#endif

/// Calls a function after one instruction of an operation.
struct single_step {
    static inline std::atomic<int> to_go;
    static inline std::atomic<void (*)()> interrupt;

    static void handle(int) {
        if (--to_go == 0) interrupt.load()();
    }
    /// The operation with an interruption after so many of its instructions; true if it has as many.
    template <class Operation>
    static bool run(int instructions, void (*then)(), Operation operation) {
        constexpr unsigned long trap_flag = 0x100;
        to_go = instructions;
        interrupt = then;
        ::signal(SIGTRAP, &handle);
        asm volatile("pushfq; orq %0, (%%rsp); popfq" ::"i"(trap_flag) : "memory", "cc");
        operation();
        asm volatile("pushfq; andq %0, (%%rsp); popfq" ::"i"(~trap_flag) : "memory", "cc");
        return to_go <= 0;
    }
};

enum class handler { gets, puts };

/// A get, a put and a get again, interrupted by a handler that gets a page and keeps it, or puts one.
template <class Domain>
class interrupted_pool {
public:
    /// 0 if all went well, 1 if a page is lost or given twice, 2 if there was no such instruction.
    static int run(int instructions, handler does) {
        pool.emplace(Domain(), gup::pool_options{.pages = pages});
        use();
        if (does == handler::puts) theirs = gup::try_get_user_page(*pool);
        if (!single_step::run(instructions, does == handler::gets ? &get : &put, &use)) return 2;
        std::set<std::uint64_t> different;
        std::vector<gup::user_page_ref<Domain>> all;
        for (auto* const kept : {&mine, &theirs})
            if (*kept) all.push_back(*std::move(*kept));
        while (auto one = gup::try_get_user_page(*pool)) all.push_back(*std::move(one));
        for (const auto& page : all) different.insert(gup::page_to_pfn(page));
        return all.size() == pages && different.size() == pages ? 0 : 1;
    }

private:
    static constexpr std::size_t pages = 8;

    static void get() { theirs = gup::try_get_user_page(*pool); }
    static void put() { theirs.reset(); }
    static void use() {
        mine.reset();
        auto first = gup::try_get_user_page(*pool);
        gup::put_user_page(*std::move(first), gup::clean);
        mine = gup::try_get_user_page(*pool);
    }

    static inline std::optional<gup::page_pool<Domain>> pool;
    static inline gup::maybe<gup::user_page_ref<Domain>> mine, theirs;
};

/// Sees that a handler works, or is told that it must not, after each instruction of one in so many.
template <class Domain>
void interrupt_everywhere(handler does, int one_in = stride) {
    int told = 0;
    int works = 0;
    for (int instructions = 1;; instructions += one_in) {
        const auto child = in_child([&] { return interrupted_pool<Domain>::run(instructions, does); });
        if (child.exited_with(2)) break;
        INFO("instruction " << instructions << ": " << child.said);
        const bool ended = child.terminated() && child.said_that("gup: a signal handler used a page pool");
        REQUIRE((ended || child.exited_with(0)));
        ++(ended ? told : works);
    }
    CHECK(told > 0);
    CHECK(works > 0);
}

} // namespace

TEMPLATE_TEST_CASE("no signal handler gets a page that its thread gets", "", pretended,
                   gup::local<pretended>) {
    for (const auto does : {handler::gets, handler::puts}) interrupt_everywhere<TestType>(does);
}

TEST_CASE("no signal handler of a program that tracks its pages waits for its own thread") {
    const int one_in = std::max(341, 11 * stride); // of some thousand
    interrupt_everywhere<gup::tracked<pretended>>(handler::gets, one_in);
}

#endif
