// SPDX-License-Identifier: BSL-1.0
// misuse: K b9fa16949d18, 03f5a999adba, fd948c3f96b1 dma-direct, vmbus, sev-guest: memory freed that could not be released
// expect-run-clean
#include "../running.hpp"

int main() {
    return run([] {
        gup::on_release_failure([](const gup::release_failure&) noexcept {});
        gup_test::pretended ranges;
        std::span<std::byte> memory;
        {
            gup_test::pretended_pool pages(ranges, gup_test::small(1));
            auto page = gup::get_user_page(pages);
            memory = page.bytes();
            ranges.log->leak_on_release = true;
            gup::put_user_page(std::move(page), gup::clean);
        }
        check(ranges.log->leaked != nullptr, "the memory is kept");
        memory[0] = std::byte{1}; // and mapped
    });
}
