// SPDX-License-Identifier: BSL-1.0
#include "gup/detail/hugetlb_limit.hpp"

#include "gup/kernel.hpp"
#include "gup_test/catch.hpp"

#include <cerrno>
#include <map>
#include <string>

namespace {

using gup::detail::explain_hugetlb_limit;
using gup::detail::hugetlb_step;

struct machine : gup::system_kernel {
    static inline std::map<std::string, std::string> files;
    static int read_text(const char* path, std::string& text) {
        text.clear();
        const auto found = files.find(path);
        if (found == files.end()) return -ENOENT;
        text = found->second;
        return 0;
    }
};

constexpr std::uint64_t page = std::uint64_t{2} << 20;
constexpr std::uint64_t touched_limit = 4194304;

std::string touched(std::uint64_t bytes = page) {
    return explain_hugetlb_limit<machine>(hugetlb_step::touched, page, bytes);
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

} // namespace

TEST_CASE("the limit of a control group is named with its file and what suffices") {
    for (const std::string mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        machine::files = {{"/proc/self/cgroup", "4:memory:/x\n0::/a/b\n"},
                          {mount + "/a/b/hugetlb.2MB.max", "4194304\n"},
                          {mount + "/a/b/hugetlb.2MB.current", "4194304\n"}};
        CHECK(contains(touched(3 * page),
                       std::to_string(touched_limit + 3 * page) + " to " + mount + "/a/b/hugetlb.2MB.max"));
    }
}

TEST_CASE("the limit may be that of a group above, or of the root of a container") {
    machine::files = {{"/proc/self/cgroup", "0::/a/b\n"},
                      {"/sys/fs/cgroup/a/b/hugetlb.2MB.max", "max\n"},
                      {"/sys/fs/cgroup/a/b/hugetlb.2MB.current", "0\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.max", "0\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.current", "0\n"}};
    CHECK(contains(touched(), "/sys/fs/cgroup/a/hugetlb.2MB.max"));

    machine::files = {{"/proc/self/cgroup", "0::/\n"},
                      {"/sys/fs/cgroup/hugetlb.2MB.max", "0\n"},
                      {"/sys/fs/cgroup/hugetlb.2MB.current", "0\n"}};
    CHECK(contains(touched(), "to /sys/fs/cgroup/hugetlb.2MB.max"));
}

TEST_CASE("control groups of the first version have limits, too") {
    machine::files = {{"/proc/self/cgroup", "7:hugetlb:/box\n0::/\n"},
                      {"/sys/fs/cgroup/hugetlb/box/hugetlb.2MB.limit_in_bytes", "2097152\n"},
                      {"/sys/fs/cgroup/hugetlb/box/hugetlb.2MB.usage_in_bytes", "2097152\n"}};
    CHECK(contains(touched(), "/sys/fs/cgroup/hugetlb/box/hugetlb.2MB.limit_in_bytes"));
}

TEST_CASE("a limit that leaves room is not to blame") {
    machine::files = {{"/proc/self/cgroup", "0::/a\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.max", "4194304\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.current", "2097152\n"}};
    CHECK(touched().empty());
    machine::files.clear();
    CHECK(touched().empty());
    machine::files = {{"/proc/self/cgroup", "0::/../..\n"}};
    CHECK(touched().empty());
}

TEST_CASE("what is reserved has a limit of its own, for all of it at once") {
    machine::files = {{"/proc/self/cgroup", "0::/a\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.rsvd.max", "4194304\n"},
                      {"/sys/fs/cgroup/a/hugetlb.2MB.rsvd.current", "0\n"}};
    CHECK(explain_hugetlb_limit<machine>(hugetlb_step::mapped, page, 2 * page).empty());
    CHECK(contains(explain_hugetlb_limit<machine>(hugetlb_step::mapped, page, 3 * page),
                   "6291456 to /sys/fs/cgroup/a/hugetlb.2MB.rsvd.max"));
}

TEST_CASE("sizes have the kernel's names") {
    CHECK(gup::detail::hugetlb_size_name(65536) == "64KB");
    CHECK(gup::detail::hugetlb_size_name(page) == "2MB");
    CHECK(gup::detail::hugetlb_size_name(std::uint64_t{1} << 30) == "1GB");
}
