// SPDX-License-Identifier: BSL-1.0
// misuse: the I/O address of a registration changed by the program
// expect-error: bias_?. is (private|a private)
#include "../devices.hpp"

void forge(device_domain::registration& mapped) { mapped.bias_ += 4096; }
