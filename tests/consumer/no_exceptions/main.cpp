// SPDX-License-Identifier: BSL-1.0
// A program of two halves, one without exceptions. Prints what is not as gup/version.hpp says.
#include "half.hpp"

#include "gup/error.hpp"
#include "gup_test/child.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <sys/mman.h>
#include <system_error>

namespace {

int wrong = 0;

void check(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what.c_str());
    wrong = 1;
}

void use_twins(const half& any) {
    if (const char* const problem = any.use_twins()) check(false, problem);
}

/// What the one throws the other says before it ends.
void fail_in_both(std::size_t number) {
    const std::string what = with_exceptions.fail(number);
    if (what.empty()) {
        std::printf("not tried on this machine: form %zu\n", number);
        return;
    }
    const auto child = gup_test::in_child([&] {
        without_exceptions.fail(number);
        return 0;
    });
    check(child.terminated(), "without exceptions it ends: " + what);
    check(child.said_that("gup: " + what + "\n"), "it says first: " + what + "\n... but: " + child.said);
}

int heard = 0;

/// The kernel drops no page that is locked.
bool is_locked(void* page) { return ::madvise(page, 4096, MADV_DONTNEED) != 0; }

void pin_by_both(const half& one, const half& other) {
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* const first = one.pin(page);
    void* const second = other.pin(page);
    one.let_go(first);
    check(is_locked(page), "a page that both pin stays locked when one lets go");
    other.let_go(second);
    check(!is_locked(page), "it is unlocked when the second does");
}

} // namespace

int main() {
    use_twins(with_exceptions);
    use_twins(without_exceptions);
    for (std::size_t number = 0; number < with_exceptions.forms; ++number) fail_in_both(number);

    gup::on_release_failure([](const gup::release_failure&) noexcept { ++heard; });
    with_exceptions.fail_to_release();
    without_exceptions.fail_to_release();
    check(heard == 2, "the program's hook hears of what either half could not release");
    pin_by_both(with_exceptions, without_exceptions);
    pin_by_both(without_exceptions, with_exceptions);
    return wrong;
}
