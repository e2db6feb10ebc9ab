// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/process.hpp"

#include "gup/kernel.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"
#include "gup_test/failing_kernel.hpp"

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using gup::detail::this_process;

namespace {

template <class Tag>
struct counting_kernel : gup_test::failing_kernel<gup::system_kernel, Tag> {
    static inline int getpids = 0;
    static pid_t getpid() noexcept {
        ++getpids;
        return gup::system_kernel::getpid();
    }
};

template <class Kernel>
bool exact_in_child() {
    const pid_t parent = this_process<Kernel>();
    return gup_test::in_child([&] {
               return this_process<Kernel>() == ::getpid() && this_process<Kernel>() != parent ? 0 : 1;
           }).exited_with(0) &&
           this_process<Kernel>() == parent;
}

} // namespace

TEST_CASE("The process number is asked for once") {
    using kernel = counting_kernel<struct asked_once>;

    for (int i = 0; i < 3; ++i) CHECK(this_process<kernel>() == ::getpid());

    CHECK(kernel::getpids == 1);
}

TEST_CASE("A forked child sees its own number, and so does its child") {
    CHECK(exact_in_child<gup::system_kernel>());
    CHECK(gup_test::in_child([] { return exact_in_child<gup::system_kernel>() ? 0 : 1; }).exited_with(0));
}

TEST_CASE("A child made by a bare clone call, which runs no fork handlers, sees its own number") {
    const pid_t parent = this_process();

    const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
        const pid_t real = static_cast<pid_t>(::syscall(SYS_getpid));
        ::_exit(this_process() == real && real != parent ? 0 : 1);
    }

    int status = 1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("Without MADV_WIPEONFORK the number is asked for every time and stays exact") {
    using kernel = counting_kernel<struct no_wipe>;
    kernel::plan(2, EINVAL); // madvise comes after mmap

    for (int i = 0; i < 3; ++i) CHECK(this_process<kernel>() == ::getpid());

    CHECK(kernel::getpids == 3);
    CHECK(kernel::mapped.bytes() == 0);
    CHECK(exact_in_child<kernel>());
}

TEST_CASE("Without memory for the page the number is asked for every time and stays exact") {
    using kernel = counting_kernel<struct no_memory>;
    kernel::plan(1, ENOMEM);

    for (int i = 0; i < 3; ++i) CHECK(this_process<kernel>() == ::getpid());

    CHECK(kernel::getpids == 3);
    CHECK(exact_in_child<kernel>());
}
