/* What a test lays under the real runner (LD_PRELOAD): a wall clock that steps, and files that fail.
 *
 * SHIM_CLOCK names a file holding seconds to add to the wall clock (monotonic clocks stay right). SHIM_FAIL names a file:
 * while it exists, writes and syncs of files whose path contains SHIM_FAIL_PATH end with EIO. Both are looked at again at
 * each call, so that a test can step and mend while the program runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static double offset_secs(void) {
    static __thread int inside = 0;
    const char *name = getenv("SHIM_CLOCK");
    if (!name || inside) return 0;
    inside = 1;
    double told = 0;
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        char text[64] = {0};
        if (read(file, text, sizeof text - 1) > 0) told = atof(text);
        close(file);
    }
    inside = 0;
    return told;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += (time_t)offset_secs();
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int done = real(now, zone);
    if (done == 0) now->tv_sec += (time_t)offset_secs();
    return done;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}

static int fails(int file) {
    const char *trigger = getenv("SHIM_FAIL"), *part = getenv("SHIM_FAIL_PATH");
    if (!trigger || !part || access(trigger, F_OK) != 0) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

#define GUARDED(result, name, parameters, arguments)                      \
    result name parameters {                                             \
        static result (*real) parameters;                                \
        if (!real) real = dlsym(RTLD_NEXT, #name);                        \
        if (fails(file)) { errno = EIO; return -1; }                      \
        return real arguments;                                           \
    }

GUARDED(ssize_t, write, (int file, const void *data, size_t size), (file, data, size))
GUARDED(ssize_t, pwrite, (int file, const void *data, size_t size, off_t at), (file, data, size, at))
GUARDED(ssize_t, pwrite64, (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
GUARDED(int, fsync, (int file), (file))
GUARDED(int, fdatasync, (int file), (file))
GUARDED(int, ftruncate, (int file, off_t size), (file, size))
