/*
 * Devices of the kernel, /dev/nbdX: disconnected, but never connected by this
 * build.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "util/cutils.h"
#include "util/error-report.h"

#include <fcntl.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>

int nbd_tool_disconnect(const char *device)
{
    int fd = qemu_open_cloexec(device, O_RDWR, 0);

    if (fd < 0) {
        error_report("Cannot open %s: %s", device, strerror(errno));
        return EXIT_FAILURE;
    }
    ioctl(fd, NBD_CLEAR_QUE);
    ioctl(fd, NBD_DISCONNECT);
    ioctl(fd, NBD_CLEAR_SOCK);
    close(fd);
    printf("%s disconnected\n", device);
    return EXIT_SUCCESS;
}

void nbd_tool_connect(const char *device)
{
    int fd = qemu_open_cloexec(device, O_RDWR, 0);

    if (fd < 0) {
        error_report("Failed to open %s: %s", device, strerror(errno));
    } else {
        close(fd);
        error_report("Connecting devices of the kernel is not in this build");
    }
    exit(EXIT_FAILURE);
}
