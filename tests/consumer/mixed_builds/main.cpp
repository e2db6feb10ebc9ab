// SPDX-License-Identifier: BSL-1.0
// Uses pages of a local pool on another thread, and empty references, by verbs that were built with NDEBUG
// and without it. Prints what is not as gup/local.hpp and gup/maybe.hpp say.
#include "verbs.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

int wrong = 0;

/// What a verb is tried on: each page has one more reference, so that no put is its last.
struct scene {
    local_pool pool{local_domain{}, {.pages = 4, .fallback = gup::pin_fallback::unpinned}};
    pinned page = gup::get_user_page(pool);
    std::optional<pinned> again = gup::ref_user_page(page);
    pinned empty{};
    gup::maybe<pinned> nothing{};
    plain seen = *gup::find_get_page(pool, page.bytes().data());
};

/// Whether the program ends when another thread than the pool's does this.
template <class Verb>
void expect(bool ends, const char* what, Verb verb) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::set_terminate([] { ::_exit(3); });
        if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(1);
        scene s;
        std::thread([&] {
            verb(s);
            ::_exit(0);
        }).join();
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == (ends ? 3 : 0)) return;
    std::fprintf(stderr, "%s: %s, status %x\n", what, ends ? "is not caught" : "is not let through", status);
    wrong = 1;
}

} // namespace

int main() {
    expect(true, "ref", [](scene& s) { with_checks.ref(s.page); });
    expect(true, "put", [](scene& s) { with_checks.put(std::move(s.page)); });
    expect(true, "put of many", [](scene& s) { with_checks.put_all(std::move(s.page)); });
    expect(true, "pin", [](scene& s) { with_checks.pin(s.seen); });

    expect(true, "bytes of an empty reference", [](scene& s) { with_checks.look(s.empty); });
    expect(true, "a maybe that has nothing", [](scene& s) { with_checks.use(s.nothing); });
    expect(false, "a maybe that has nothing, with NDEBUG", [](scene& s) { without_checks.use(s.nothing); });

    expect(false, "ref with NDEBUG", [](scene& s) { without_checks.ref(s.page); });
    expect(false, "put with NDEBUG", [](scene& s) { without_checks.put(std::move(s.page)); });
    expect(false, "put of many with NDEBUG", [](scene& s) { without_checks.put_all(std::move(s.page)); });
    expect(false, "pin with NDEBUG", [](scene& s) { without_checks.pin(s.seen); });

    for (const verbs& any : {with_checks, without_checks}) {
        expect(true, "get of a free page", [&](scene& s) { any.get(s.pool); });
        expect(true, "put by a destructor", [&](scene& s) { any.drop(s.again); });
    }
    return wrong;
}
