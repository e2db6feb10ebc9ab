// SPDX-License-Identifier: BSL-1.0
// correct: a member that a parameter fills
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

class block {
public:
    explicit block(pinned&& page) : page_(std::move(page)) {}
    ~block() {
        if (page_) gup::put_user_page(std::move(page_), gup::dirty);
    }
    block(block&&) = default;
    std::span<std::byte> bytes() const { return page_.bytes(); }

private:
    pinned page_;
};

void read(pool& pages) {
    auto page = gup::get_user_page(pages);
    const block one{std::move(page)};
    use(one.bytes());
}
