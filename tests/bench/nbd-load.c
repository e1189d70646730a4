/*
 * A cheap NBD client: keeps a number of 4 KiB requests outstanding on one
 * connection and does nothing else, so that a server is what is measured.
 *
 *     nbd-load SOCKET read|write DEPTH SECONDS
 *
 * Prints requests, seconds and its own processor seconds. Requests and replies
 * are gathered: a send for all that one receive has made room for.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/socket.h"
#include "nbd/message.h"
#include "util/timer.h"

#define BLOCK 4096
#define AREA  (1ULL << 30) /* of the export that is used */

typedef struct Load {
    int fd;
    bool write;
    uint64_t rnd;
    uint8_t *tx; /* DEPTH requests */
    size_t tx_len;
    uint8_t *rx;
    size_t rx_len, rx_size;
    uint64_t done;
} Load;

static void G_GNUC_NORETURN fail(const char *what)
{
    fprintf(stderr, "nbd-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void recv_exactly(int fd, void *buf, size_t len)
{
    if (recv(fd, buf, len, MSG_WAITALL) != (ssize_t)len) {
        fail("receive");
    }
}

static void send_all(int fd, const uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

        if (n < 0) {
            fail("send");
        }
        buf += n;
        len -= n;
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    uint8_t msg[4 + NBD_OPTION_LEN] = { 0 }, answer[NBD_GREETING_LEN];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
        fail("connect");
    }
    recv_exactly(fd, answer, sizeof(answer));
    nbd_put32(msg, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    nbd_put64(msg + 4, NBD_OPTS_MAGIC);
    nbd_put32(msg + 12, NBD_OPT_EXPORT_NAME);
    send_all(fd, msg, sizeof(msg));
    recv_exactly(fd, answer, 10);
    return fd;
}

static void add_request(Load *l)
{
    NbdRequest rq = { .type = l->write ? NBD_CMD_WRITE : NBD_CMD_READ,
                      .len = BLOCK };

    l->rnd = l->rnd * 6364136223846793005ULL + 1442695040888963407ULL;
    rq.from = (l->rnd >> 20) % (AREA / BLOCK) * BLOCK;
    nbd_request_build(NBD_MODE_SIMPLE, &rq, l->tx + l->tx_len);
    l->tx_len += NBD_REQUEST_LEN + (l->write ? BLOCK : 0);
}

static void turn(Load *l)
{
    size_t one = NBD_SIMPLE_LEN + (l->write ? 0 : BLOCK), pos = 0;
    ssize_t n;

    send_all(l->fd, l->tx, l->tx_len);
    l->tx_len = 0;
    n = recv(l->fd, l->rx + l->rx_len, l->rx_size - l->rx_len, 0);
    if (n <= 0) {
        fail("receive");
    }
    l->rx_len += n;
    for (; l->rx_len - pos >= one; pos += one) {
        if (nbd_get32(l->rx + pos) != NBD_SIMPLE_MAGIC ||
            nbd_get32(l->rx + pos + 4)) {
            fail("bad reply");
        }
        l->done++;
        add_request(l);
    }
    memmove(l->rx, l->rx + pos, l->rx_len - pos);
    l->rx_len -= pos;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int64_t start, end;
    Load l = { .rnd = 1 };
    int depth;

    if (argc != 5) {
        fprintf(stderr, "usage: nbd-load SOCKET read|write DEPTH SECONDS\n");
        return 2;
    }
    depth = g_ascii_strtoull(argv[3], NULL, 10);
    l.write = !strcmp(argv[2], "write");
    l.fd = connect_to(argv[1]);
    l.tx = g_malloc0(depth * (NBD_REQUEST_LEN + BLOCK));
    l.rx_size = (depth + 1) * (NBD_SIMPLE_LEN + BLOCK);
    l.rx = g_malloc(l.rx_size);
    start = get_clock();
    end = start + g_ascii_strtoull(argv[4], NULL, 10) * NANOSECONDS_PER_SECOND;
    for (int i = 0; i < depth; i++) {
        add_request(&l);
    }
    while (get_clock() < end) {
        turn(&l);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRIu64 " %.3f %.3f\n", l.done,
           (get_clock() - start) / (double)NANOSECONDS_PER_SECOND,
           usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
               usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6);
    return 0;
}
