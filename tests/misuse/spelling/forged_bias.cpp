// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a registration changed by the program
// expect-error: (has no member named|no member named) .bias.
#include "../devices.hpp"

void forge(device_domain::registration& mapped) { mapped.bias += 4096; }
