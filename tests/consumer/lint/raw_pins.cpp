// SPDX-License-Identifier: BSL-1.0
// Each function pins or unpins memory in a way that gup cannot know of; the names say how many matches there must be.
#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ibv_mr;
struct ibv_pd;
extern "C" ibv_mr* ibv_reg_mr(ibv_pd* domain, void* memory, std::size_t length, int access);

int two_of_mlock(void* memory) { return ::mlock(memory, 4096) + ::munlock(memory, 4096); }

int two_of_io_uring(io_uring* ring, const iovec* memory) {
    return io_uring_register_buffers(ring, memory, 1) + io_uring_unregister_buffers(ring);
}

int one_of_io_uring_register(unsigned ring, iovec* memory) {
    return io_uring_register(ring, IORING_REGISTER_BUFFERS, memory, 1);
}

int one_of_vfio(int container, vfio_iommu_type1_dma_map* map) { return ::ioctl(container, VFIO_IOMMU_MAP_DMA, map); }

ibv_mr* one_of_rdma(ibv_pd* domain, void* memory) { return ibv_reg_mr(domain, memory, 4096, 0); }

long one_of_syscall(void* memory) { return ::syscall(SYS_mlock2, memory, 4096, 0); }
