// SPDX-License-Identifier: BSL-1.0
// main() of every Catch2 test program: exits with the code for that if nothing failed but something was skipped, and
// fails if it is asked for a test that it does not have.

#define CATCH_CONFIG_RUNNER // Catch2 2.13 only; 3 ignores it
#include "gup_test/catch.hpp"
#include "gup_test/skip.hpp"

int main(int argc, char** argv) {
    // Catch2 3 puts a SKIP_RETURN_CODE of its own behind that of tests/CMakeLists.txt; with 2.13 it would be four
    // failures.
    constexpr int skipped = CATCH_VERSION_MAJOR == 2 ? 77 : 4;
    Catch::Session session;
#if CATCH_VERSION_MAJOR == 2
    session.configData().warnings = Catch::WarnAbout::NoTests; // the default of Catch2 3
#endif
    const int result = session.run(argc, argv);
    return result == 0 && gup_test::skipped() > 0 ? skipped : result;
}
