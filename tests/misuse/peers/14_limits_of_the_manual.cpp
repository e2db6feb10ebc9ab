// SPDX-License-Identifier: BSL-1.0
// misuse: peer 14 a refusal that names no limit
// expect-run-error: over budget, VmLck
#include "../running.hpp"

#include <sys/resource.h>
#include <unistd.h>

int main() {
    const rlimit little{65536, 65536};
    check(::setrlimit(RLIMIT_MEMLOCK, &little) == 0, "the limit can be lowered");
    if (::getuid() == 0) check(::setuid(65534) == 0, "root can become an ordinary user");
    return run([] {
        gup::mlock_domain memory;
        gup::page_pool pages{memory, {.pages = 256}};
    });
}
