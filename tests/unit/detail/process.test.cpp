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
    const auto parent = this_process<Kernel>();
    return gup_test::in_child([&] {
               const auto child = this_process<Kernel>();
               return child != parent && child == this_process<Kernel>() ? 0 : 1;
           }).exited_with(0) &&
           this_process<Kernel>() == parent;
}

} // namespace

TEST_CASE("A process keeps its identity and asks nobody for it") {
    using kernel = counting_kernel<struct asked_nobody>;
    const auto first = this_process<kernel>();

    for (int i = 0; i < 3; ++i) CHECK(this_process<kernel>() == first);

    CHECK(first != 0);
    CHECK(kernel::getpids == 0);
}

TEST_CASE("A child with its parent's process number, as in a PID namespace of its own, is not taken for it") {
    struct first_of_namespace : gup::system_kernel {
        static pid_t getpid() noexcept { return 1; }
    };

    CHECK(exact_in_child<first_of_namespace>());
}

TEST_CASE("A forked child has an identity of its own, and so has its child") {
    CHECK(exact_in_child<gup::system_kernel>());
    CHECK(gup_test::in_child([] { return exact_in_child<gup::system_kernel>() ? 0 : 1; }).exited_with(0));
}

TEST_CASE("A child made by a bare clone call, which runs no fork handlers, has an identity of its own") {
    const auto parent = this_process();

    const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
        ::_exit(this_process() != parent ? 0 : 1);
    }

    int status = 1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("Without MADV_WIPEONFORK the number is asked for every time and stays exact") {
    using kernel = counting_kernel<struct no_wipe>;
    kernel::plan(2, EINVAL); // madvise comes after mmap

    for (int i = 0; i < 3; ++i)
        CHECK(this_process<kernel>() == static_cast<gup::detail::process_identity>(::getpid()));

    CHECK(kernel::getpids == 3);
    CHECK(kernel::mapped.bytes() == 0);
    CHECK(exact_in_child<kernel>());
}

TEST_CASE("Without memory for the page the number is asked for every time and stays exact") {
    using kernel = counting_kernel<struct no_memory>;
    kernel::plan(1, ENOMEM);

    for (int i = 0; i < 3; ++i)
        CHECK(this_process<kernel>() == static_cast<gup::detail::process_identity>(::getpid()));

    CHECK(kernel::getpids == 3);
    CHECK(exact_in_child<kernel>());
}
