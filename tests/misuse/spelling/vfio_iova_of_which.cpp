// SPDX-License-Identifier: BSL-1.0
// misuse: one of two I/O addresses, without saying which
// expect-error: this page has no such I/O address: its pool must be made with a vfio_domain, and of several
// ones iova<domain>(ref) names which
#include "../devices.hpp"

struct disk;
struct network;
using two = gup::domains<gup::vfio_domain<disk>, gup::vfio_domain<network>>;

void start(const gup::user_page_ref<two>& page) { tell_device(gup::iova(page)); }
