/* Preloaded into a process: each flush to disk takes DELAY_US longer, as on an ordinary disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_disk(void) {
    const char *delay = getenv("SLOW_DISK_US");
    if (delay) usleep(atoi(delay));
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return real(fd);
}
