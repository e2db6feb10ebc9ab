// SPDX-License-Identifier: BSL-1.0
// The first and only process of the virtual machine: loads the modules in /modules, gives edu and NVMe to vfio-pci, runs
// the commands in /commands one after the other, and ends the machine with their verdict.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int failures = 0;

static void fail(const char* what, const char* name) {
    printf("init: %s %s: %s\n", what, name, strerror(errno));
    ++failures;
}

static void mount_at(const char* type, const char* place) {
    mkdir(place, 0755);
    if (mount(type, place, type, 0, NULL) != 0) fail("mount", place);
}

static int not_hidden(const struct dirent* entry) { return entry->d_name[0] != '.'; }

static void load_modules(void) {
    struct dirent** modules = NULL;
    const int count = scandir("/modules", &modules, not_hidden, alphasort);
    for (int i = 0; i < count; ++i) {
        char path[300];
        snprintf(path, sizeof path, "/modules/%s", modules[i]->d_name);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)) fail("module", path);
        close(fd);
    }
}

static int write_text(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const int wrong = fd < 0 || write(fd, text, strlen(text)) < 0;
    if (fd >= 0) close(fd);
    return wrong ? -1 : 0;
}

static void give_to_vfio(const char* device) {
    char path[200];
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", device);
    if (write_text(path, "vfio-pci") != 0) fail("driver_override of", device);
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver/unbind", device);
    write_text(path, device); // fails if it has no driver
    if (write_text("/sys/bus/pci/drivers_probe", device) != 0) fail("binding of", device);
}

/// For the tests that send.
static void start_loopback(void) {
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) != 0) fail("starting", loopback.ifr_name);
    close(fd);
}

/// Runs "program argument..." and says how it ended. One that begins with a question mark may skip what this kernel
/// lacks, with 77, and says so itself.
static void run(char* command) {
    char* words[64];
    size_t count = 0;
    for (char* word = strtok(command, " "); word != NULL && count < 63; word = strtok(NULL, " ")) words[count++] = word;
    words[count] = NULL;
    if (count == 0) return;
    const int may_skip = words[0][0] == '?';
    words[0] += may_skip;
    printf("\n--- %s\n", words[0]);
    const pid_t child = fork();
    if (child == 0) {
        if (chdir("/scratch") == 0) execv(words[0], words);
        perror(words[0]);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("--- %s ended with %d\n", words[0], code);
    if (code != 0 && !(code == 77 && may_skip)) ++failures;
}

static void run_all(void) {
    static char text[1 << 16];
    const int fd = open("/commands", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0) return fail("reading", "/commands");
    close(fd);
    char* rest = text;
    for (char* line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) run(line);
}

static long counter(const char* name) {
    char line[200];
    long value = -1;
    FILE* const file = fopen("/proc/vmstat", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    if (file != NULL) fclose(file);
    return value;
}

/// Nothing else in this machine pins: every pin that was made must have been released. Rings let go a moment after they
/// are closed.
static void check_pins(void) {
    long made = 0, released = -1;
    for (const time_t limit = time(NULL) + 5; made != released && time(NULL) <= limit; sched_yield()) {
        write_text("/proc/sys/vm/stat_refresh", "1"); // the counts of each processor are added up late
        made = counter("nr_foll_pin_acquired ");
        released = counter("nr_foll_pin_released ");
    }
    printf("\n--- pins made %ld, released %ld\n", made, released);
    if (made != released || made < 0) ++failures;
}

/// What the IOMMU stopped.
static void print_faults(void) {
    static char record[8192];
    const int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    for (;;) {
        const ssize_t length = read(fd, record, sizeof record - 1);
        if (length < 0 && errno == EPIPE) continue; // overwritten meanwhile
        if (length <= 0) break;
        record[length] = '\0';
        const char* const message = strchr(record, ';');
        if (message != NULL && strstr(message, "DMAR: [DMA") != NULL) printf("%s", message + 1);
    }
    close(fd);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    mount_at("devtmpfs", "/dev");
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("tmpfs", "/scratch"); // not /tmp: files of the build may be there
    setenv("PATH", "/bin", 1);
    setenv("TMPDIR", "/scratch", 1);
    start_loopback();
    write_text("/proc/sys/vm/overcommit_memory", "1"); // some tests reserve more than this machine has
    load_modules();
    give_to_vfio("0000:00:04.0");
    give_to_vfio("0000:00:05.0");
    run_all();
    check_pins();
    print_faults();
    printf("VM-EXIT-STATUS %d\n", failures);
    tcdrain(STDOUT_FILENO); // or the machine ends with the verdict still on its way out
    ioperm(0x501, 1, 1);
    outb(failures < 100 ? failures : 100, 0x501); // QEMU's isa-debug-exit: ends at once
    reboot(RB_AUTOBOOT);
    return 0;
}
