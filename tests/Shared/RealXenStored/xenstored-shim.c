/*
 * Stands between Debian's xenstored and the hypervisor that is not there, loaded with LD_PRELOAD.
 *
 * The environment variable XENSTORED_SHIM names a directory that holds for each domain N a file "ringN", the 4096-byte
 * ring page, which both sides map, and a FIFO "eventN", into which the daemon writes a byte to wake the domain. The FIFO
 * "events" is the other direction: a byte 100 + N is an event of domain N. A domain exists while its ring file does.
 *
 * Standard input is a pipe held by the test process: its end ends the daemon, however the test process came to its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define FIRST_PORT 100
#define VIRQ_PORT 99

/* The head of xc_dominfo_t in xenctrl.h of Xen 4.17; all that xenstored looks at lies in it. */
struct domain_info {
    uint32_t domid;
    uint32_t ssidref;
    uint32_t flags; /* bits 0 to 2: dying, crashed, shutdown */
    uint32_t shutdown_reason;
};

static int any_handle;

static const char *path_of(char *buffer, size_t size, const char *name, unsigned int number, int numbered)
{
    const char *directory = getenv("XENSTORED_SHIM");
    if (numbered)
        snprintf(buffer, size, "%s/%s%u", directory, name, number);
    else
        snprintf(buffer, size, "%s/%s", directory, name);
    return buffer;
}

static int open_file(const char *path, int flags, mode_t mode)
{
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    return next(path, flags, mode);
}

static void *end_with_input(void *unused)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
    return unused;
}

__attribute__((constructor)) static void watch_input(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_with_input, NULL) != 0)
        abort();
}

/* dom0's own ring page and port come from the kernel's xenfs. */
static int open_redirected(const char *path, int flags, mode_t mode)
{
    char buffer[512];
    if (strcmp(path, "/proc/xen/xsd_kva") == 0)
        path = path_of(buffer, sizeof buffer, "ring", 0, 1);
    else if (strcmp(path, "/proc/xen/xsd_port") == 0)
        path = path_of(buffer, sizeof buffer, "xsd_port", 0, 0);
    return open_file(path, flags, mode);
}

static mode_t mode_argument(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_redirected(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_redirected(path, flags, mode);
}

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned int flags)
{
    (void)logger, (void)dombuild_logger, (void)flags;
    return &any_handle;
}

int xc_interface_close(void *handle)
{
    (void)handle;
    return 0;
}

int xc_domain_getinfo(void *handle, uint32_t first, unsigned int count, void *result)
{
    (void)handle;
    char buffer[512];
    if (count == 0 || access(path_of(buffer, sizeof buffer, "ring", first, 1), F_OK) != 0)
        return 0;
    struct domain_info info = { .domid = first };
    memcpy(result, &info, sizeof info);
    return 1;
}

void *xengnttab_open(void *logger, unsigned int flags)
{
    (void)logger, (void)flags;
    return &any_handle;
}

int xengnttab_close(void *handle)
{
    (void)handle;
    return 0;
}

int xengnttab_set_max_grants(void *handle, uint32_t count)
{
    (void)handle, (void)count;
    return 0;
}

void *xengnttab_map_grant_ref(void *handle, uint32_t domid, uint32_t reference, int protection)
{
    (void)handle, (void)reference;
    char buffer[512];
    int file = open_file(path_of(buffer, sizeof buffer, "ring", domid, 1), O_RDWR | O_CLOEXEC, 0);
    if (file < 0)
        return NULL;
    void *page = mmap(NULL, PAGE_BYTES, protection, MAP_SHARED, file, 0);
    close(file);
    return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(void *handle, void *start, uint32_t count)
{
    (void)handle;
    return munmap(start, (size_t)count * PAGE_BYTES);
}

static int events = -1;

void *xenevtchn_open(void *logger, unsigned int flags)
{
    (void)logger, (void)flags;
    char buffer[512];
    events = open_file(path_of(buffer, sizeof buffer, "events", 0, 0), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    return events < 0 ? NULL : &any_handle;
}

void *xenevtchn_fdopen(void *logger, int file, unsigned int flags)
{
    (void)logger, (void)file, (void)flags;
    errno = ENOSYS;
    return NULL;
}

int xenevtchn_fd(void *handle)
{
    (void)handle;
    return events;
}

int xenevtchn_bind_interdomain(void *handle, uint32_t domid, uint32_t remote_port)
{
    (void)handle, (void)remote_port;
    return (int)(FIRST_PORT + domid);
}

int xenevtchn_bind_virq(void *handle, unsigned int virq)
{
    (void)handle, (void)virq;
    return VIRQ_PORT;
}

int xenevtchn_unbind(void *handle, uint32_t port)
{
    (void)handle, (void)port;
    return 0;
}

int xenevtchn_unmask(void *handle, uint32_t port)
{
    (void)handle, (void)port;
    return 0;
}

int xenevtchn_pending(void *handle)
{
    (void)handle;
    unsigned char port;
    return read(events, &port, 1) == 1 ? port : -1;
}

/* A full FIFO already wakes its reader, and a domain without one hears nothing: neither is the daemon's affair. */
int xenevtchn_notify(void *handle, uint32_t port)
{
    (void)handle;
    char buffer[512];
    int file = open_file(path_of(buffer, sizeof buffer, "event", port - FIRST_PORT, 1), O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
    if (file < 0)
        return 0;
    ssize_t written = write(file, "!", 1);
    (void)written;
    close(file);
    return 0;
}
