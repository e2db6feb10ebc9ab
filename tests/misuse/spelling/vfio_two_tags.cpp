// SPDX-License-Identifier: BSL-1.0
// misuse: a page of one IOMMU taken for one of another
// expect-gcc-error: use of deleted function
// expect-clang-error: deleted
#include "../devices.hpp"

struct disk;
struct network;

void send(gup::user_page_ref<gup::vfio_domain<network>> page);
void start(gup::user_page_ref<gup::vfio_domain<disk>> page) { send(std::move(page)); }
