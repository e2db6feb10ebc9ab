// SPDX-License-Identifier: BSL-1.0
#include "gup/error.hpp"

#include "gup_test/catch.hpp"
#include "gup_test/child.hpp"

#include <set>

using namespace gup_test;

namespace {

gup::pin_failure over_budget() {
    static const std::byte memory[16]{};
    return {.code = std::make_error_code(std::errc::not_enough_memory),
            .call = "mlock",
            .range = memory,
            .budget = gup::pin_budget::locked_vm,
            .need = 16,
            .use = 4096,
            .limit = 8192,
            .remedy = "ulimit -l 64"};
}

} // namespace

TEST_CASE("every budget has a name of its own") {
    std::set<std::string> names;
    using enum gup::pin_budget;
    for (const auto budget : {none, locked_vm, pinned_vm, user_locked_vm, user_defined})
        names.insert(to_string(budget));

    CHECK(names.size() == 5);
    CHECK(names.count("unknown") == 0);
    CHECK(std::string(to_string(static_cast<gup::pin_budget>(99))) == "unknown");
}

TEST_CASE("the message of a failure names the call and the budget with its numbers and the remedy") {
    CHECK(
        over_budget().message() ==
        "mlock of 16 bytes: over budget, VmLck of this process (RLIMIT_MEMLOCK): needs 16, uses 4096, limit "
        "8192 bytes; ulimit -l 64");
}

TEST_CASE("a budget whose use nobody can read is not said to be unused") {
    const gup::pin_failure failure{
        .call = "io_uring_register", .budget = gup::pin_budget::user_locked_vm, .need = 8192, .limit = 4096};

    CHECK(failure.message() ==
          "io_uring_register: over budget, locked memory of this user (RLIMIT_MEMLOCK): needs "
          "8192, uses an unknown number, limit 4096 bytes");
}

TEST_CASE("the message leaves out what a failure does not have") {
    CHECK(gup::pin_failure{.call = "mmap"}.message() == "mmap");
    CHECK(gup::pin_failure{.call = "mmap", .remedy = "ask for less"}.message() == "mmap; ask for less");
    CHECK(gup::pin_failure{}.message().empty());
}

TEST_CASE("a pin_error is a system_error that carries the failure and shares it with its copies") {
    const gup::pin_error error(over_budget());

    const gup::pin_error copy = error;

    CHECK(error.code() == std::errc::not_enough_memory);
    CHECK(std::string(error.what()).find(over_budget().message()) == 0);
    CHECK(error.failure().limit == 8192);
    CHECK(&copy.failure() == &error.failure());
    CHECK_THROWS_AS(throw copy, std::system_error);
}

TEST_CASE("what a copy of an error says outlives the error") {
    auto first = std::make_unique<gup::pin_error>(over_budget());
    const gup::pin_error copy = *first;

    first.reset();

    CHECK(copy.failure().remedy == "ulimit -l 64");
}

TEST_CASE("the hook of failed releases is exchanged and null restores the default") {
    static int heard = 0;
    static std::size_t bytes = 0;
    heard = 0;
    const gup::release_failure_hook hook = [](const gup::release_failure& failure) noexcept {
        ++heard;
        bytes = failure.range.size();
    };
    const std::byte memory[3]{};

    const auto before = gup::on_release_failure(hook);
    gup::report_release_failure({"munmap", {}, memory});
    const auto mine = gup::on_release_failure(nullptr);
    const auto standard = gup::on_release_failure(before);

    CHECK(heard == 1);
    CHECK(bytes == 3);
    CHECK(mine == hook);
    CHECK(standard == &gup::hooks::print_release_failure);
}

TEST_CASE("without a hook a failed release is one line on stderr") {
    const auto child = in_child([] {
        gup::on_release_failure(nullptr);
        static const std::byte memory[4096]{};
        gup::report_release_failure({"munmap", std::make_error_code(std::errc::invalid_argument), memory});
        return 0;
    });

    CHECK(child.exited_with(0));
    CHECK(child.said.find("gup: munmap failed (errno 22): 4096 bytes at 0x") == 0);
    CHECK(child.said.find('\n') == child.said.size() - 1);
}

TEST_CASE("a broken rule is said and terminates") {
    const auto child = in_child([]() -> int { gup::detail::rule_broken("never do this"); });

    CHECK(child.terminated());
    CHECK(child.said_that("gup: never do this\n"));
}
