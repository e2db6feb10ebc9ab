// SPDX-License-Identifier: BSL-1.0
// misuse: a page of one IOMMU taken for one of another
// expect-error: domains do not share pins, ref_user_page<access>\(ref\) narrows an access, and nothing widens
// it
#include "../devices.hpp"

struct disk;
struct network;

void send(gup::user_page_ref<gup::vfio_domain<network>> page);
void start(gup::user_page_ref<gup::vfio_domain<disk>> page) { send(std::move(page)); }
