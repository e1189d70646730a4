/*
 * A load generator for vhost-user-blk back ends, ours or any other's.
 *
 *   bench-vhost-user --socket=PATH [--pattern=randread] [--bs=4096]
 *                    [--depth=32] [--queues=1] [--seconds=3] [--warm-up=0.3]
 *                    [--span=BYTES] [--sleep] [--pid=SERVER] [--json]
 * [--seed=1]
 *
 * Patterns: read, write (one after the other), randread, randwrite, mix (seven
 * reads to three writes), db (as mix, with a flush after each 16 writes),
 * verify (random writes and reads; each read is checked against what was
 * written last to its block, zeroes included if --zeroed says that the disk
 * was empty).
 *
 * The front end polls the used ring, or sleeps for its interrupt (--sleep).
 * One thread drives all queues in turn.  Prints requests per second, latencies,
 * and per request the server's processor time, its context switches, and our
 * kicks.  Exit status 1 where a request failed or data were wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/bench/vub-front.h"
#include "tests/bench/vub-stat.h"

#include <poll.h>
#include <sys/eventfd.h>

typedef struct Pattern {
    const char *name;
    bool random, verify;
    unsigned writes;      /* of 10 requests */
    unsigned flush_every; /* writes; 0: never */
} Pattern;

static const Pattern patterns[] = {
    { .name = "read" },
    { .name = "write", .writes = 10 },
    { .name = "randread", .random = true },
    { .name = "randwrite", .random = true, .writes = 10 },
    { .name = "mix", .random = true, .writes = 3 },
    { .name = "db", .random = true, .writes = 3, .flush_every = 16 },
    { .name = "verify", .random = true, .writes = 5, .verify = true },
};

typedef struct Bench {
    /* options */
    char *socket, *pattern_name;
    int bs, depth, queues, pid, seed;
    int64_t span;
    double seconds, warm_up;
    gboolean sleep, json, zeroed;

    const Pattern *pattern;
    VubFront front;
    uint64_t nblocks, next_block, rng, writes;
    uint32_t *model; /* per block: generation written last; UNKNOWN; BUSY */
    uint32_t generation;
    bool measuring;
    VubHist hist;
    uint64_t failed, wrong, checked;
} Bench;

#define MODEL_ZERO    0u
#define MODEL_UNKNOWN UINT32_MAX
#define MODEL_BUSY    (UINT32_MAX - 1)

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t next_random(Bench *b)
{
    b->rng ^= b->rng >> 12;
    b->rng ^= b->rng << 25;
    b->rng ^= b->rng >> 27;
    return b->rng * 0x2545f4914f6cdd1dull;
}

/* --- verifying ------------------------------------------------------------ */

static uint64_t word_of(uint64_t block, uint32_t generation, unsigned i)
{
    uint64_t x = (block + 1) * 0x9e3779b97f4a7c15ull + generation;

    return (x ^ x >> 29) * 0xbf58476d1ce4e5b9ull + i;
}

static void fill(Bench *b, VubSlot *s, uint32_t generation)
{
    uint64_t *w = (uint64_t *)s->buf;

    for (unsigned i = 0; i < b->bs / sizeof(*w); i++) {
        w[i] = word_of(s->block, generation, i);
    }
}

static void check(Bench *b, VubSlot *s, uint32_t generation)
{
    const uint64_t *w = (const uint64_t *)s->buf;

    if (generation == MODEL_UNKNOWN) {
        return;
    }
    b->checked++;
    for (unsigned i = 0; i < b->bs / sizeof(*w); i++) {
        if (w[i] !=
            (generation ? word_of(s->block, generation, i) : MODEL_ZERO)) {
            if (!b->wrong++) {
                fprintf(stderr,
                        "block %" PRIu64 " of %d bytes, word %u: wrong data\n",
                        s->block, b->bs, i);
            }
            return;
        }
    }
}

/* --- requests ------------------------------------------------------------- */

static uint64_t choose_block(Bench *b)
{
    if (b->pattern->random) {
        return next_random(b) % b->nblocks;
    }
    return b->next_block++ % b->nblocks;
}

/* What the block holds, kept in the slot's table while it is in flight. */
static uint32_t *slot_model(VubSlot *s)
{
    return &s->hdr->reserved;
}

/* False: the block is in flight. */
static bool prepare_verify(Bench *b, VubSlot *s, bool is_write, uint32_t *held)
{
    *held = b->model[s->block];
    if (*held == MODEL_BUSY) {
        return false;
    }
    b->model[s->block] = MODEL_BUSY;
    if (is_write) {
        *held = ++b->generation;
        fill(b, s, *held);
    }
    return true;
}

static bool submit_one(Bench *b, VubQueue *q, uint64_t now)
{
    const Pattern *p = b->pattern;
    bool is_write = p->writes && next_random(b) % 10 < p->writes;
    uint32_t type = is_write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    uint32_t held = 0;
    VubSlot *s = vub_take(q);

    if (!s) {
        return false;
    }
    s->start_ns = now;
    if (is_write && p->flush_every && ++b->writes % p->flush_every == 0) {
        vub_submit(q, s, VIRTIO_BLK_T_FLUSH, 0, 0);
        return true;
    }
    s->block = choose_block(b);
    if (p->verify && !prepare_verify(b, s, is_write, &held)) {
        vub_put(q, s);
        return false;
    }
    vub_submit(q, s, type, s->block * (b->bs / 512), b->bs);
    *slot_model(s) = held;
    return true;
}

static void finish(Bench *b, VubSlot *s, uint64_t now)
{
    if (*s->status) {
        b->failed++;
    }
    if (b->measuring) {
        vub_hist_add(&b->hist, now - s->start_ns);
    }
    if (b->pattern->verify && s->type != VIRTIO_BLK_T_FLUSH) {
        if (s->type == VIRTIO_BLK_T_IN) {
            check(b, s, *slot_model(s));
        }
        b->model[s->block] = *slot_model(s);
    }
}

static unsigned serve_queue(Bench *b, VubQueue *q, bool more)
{
    unsigned n = 0;
    uint64_t now = 0;
    VubSlot *s;

    while ((s = vub_reap(q))) {
        now = now ? now : now_ns();
        finish(b, s, now);
        vub_put(q, s);
        n++;
    }
    if (more && q->nfree) {
        now = now ? now : now_ns();
        while (submit_one(b, q, now)) {
        }
        vub_show(q);
    }
    return n;
}

static void wait_for_interrupt(Bench *b)
{
    g_autofree struct pollfd *fds = g_new0(struct pollfd, b->front.nqueues);
    bool ready = false;

    for (unsigned i = 0; i < b->front.nqueues; i++) {
        VubQueue *q = &b->front.queues[i];

        fds[i] = (struct pollfd){ .fd = q->call, .events = POLLIN };
        ready |= vub_arm(q);
    }
    if (!ready) {
        poll(fds, b->front.nqueues, 1000);
    }
    for (unsigned i = 0; i < b->front.nqueues; i++) {
        eventfd_t value;

        if (fds[i].revents && eventfd_read(fds[i].fd, &value) < 0) {
            perror("eventfd");
        }
    }
}

static bool all_idle(const VubFront *f)
{
    for (unsigned i = 0; i < f->nqueues; i++) {
        if (f->queues[i].nfree != f->queues[i].depth) {
            return false;
        }
    }
    return true;
}

/* Until @end; with @more false until nothing is in flight. */
static void run_until(Bench *b, uint64_t end, bool more)
{
    uint64_t last = now_ns();

    while (more ? last < end : !all_idle(&b->front)) {
        unsigned n = 0;

        for (unsigned i = 0; i < b->front.nqueues; i++) {
            n += serve_queue(b, &b->front.queues[i], more);
        }
        if (!n && b->sleep) {
            wait_for_interrupt(b);
        }
        last = now_ns();
    }
}

/* --- results -------------------------------------------------------------- */

typedef struct Result {
    double seconds, cpu;
    uint64_t switches, kicks;
} Result;

static void print_text(const Bench *b, const Result *r)
{
    const VubHist *h = &b->hist;
    double n = MAX(h->n, 1);

    printf("%.0f requests/s\n", h->n / r->seconds);
    printf("latency: mean %.3f us, p50 %.3f, p99 %.3f, p99.9 %.3f\n",
           h->sum / n / 1000, vub_hist_percentile(h, 0.5),
           vub_hist_percentile(h, 0.99), vub_hist_percentile(h, 0.999));
    printf("server, per request: %.4f us CPU, %.4f context switches, "
           "%.4f kicks\n",
           r->cpu * 1e6 / n, r->switches / n, r->kicks / n);
    printf("failed %" PRIu64 ", checked %" PRIu64 ", wrong %" PRIu64 "\n",
           b->failed, b->checked, b->wrong);
}

static void print_json(const Bench *b, const Result *r)
{
    const VubHist *h = &b->hist;
    double n = MAX(h->n, 1);

    printf("{\"iops\": %.0f, \"mean_us\": %.3f, \"p50_us\": %.3f, "
           "\"p99_us\": %.3f, \"p999_us\": %.3f, ",
           h->n / r->seconds, h->sum / n / 1000, vub_hist_percentile(h, 0.5),
           vub_hist_percentile(h, 0.99), vub_hist_percentile(h, 0.999));
    printf("\"cpu_us\": %.4f, \"switches\": %.4f, \"kicks\": %.4f, "
           "\"failed\": %" PRIu64 ", \"checked\": %" PRIu64
           ", \"wrong\": %" PRIu64 "}\n",
           r->cpu * 1e6 / n, r->switches / n, r->kicks / n, b->failed,
           b->checked, b->wrong);
}

static uint64_t all_kicks(const VubFront *f)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < f->nqueues; i++) {
        n += f->queues[i].kicks;
    }
    return n;
}

static void measure(Bench *b, Result *r)
{
    uint64_t start = now_ns();
    double cpu;
    uint64_t switches;

    run_until(b, start + b->warm_up * 1e9, true);
    cpu = b->pid ? vub_cpu_seconds(b->pid) : 0;
    switches = b->pid ? vub_switches(b->pid) : 0;
    r->kicks = all_kicks(&b->front);
    b->measuring = true;
    start = now_ns();
    run_until(b, start + b->seconds * 1e9, true);
    b->measuring = false;
    r->seconds = (now_ns() - start) / 1e9;
    r->cpu = b->pid ? vub_cpu_seconds(b->pid) - cpu : 0;
    r->switches = b->pid ? vub_switches(b->pid) - switches : 0;
    r->kicks = all_kicks(&b->front) - r->kicks;
    run_until(b, 0, false);
}

/* --- options -------------------------------------------------------------- */

static bool check_options(Bench *b)
{
    for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
        if (g_str_equal(patterns[i].name, b->pattern_name)) {
            b->pattern = &patterns[i];
        }
    }
    return b->socket && b->pattern && b->bs >= 512 && b->bs <= 1 << 20 &&
           b->bs % 512 == 0 && b->depth > 0 && b->depth <= 256 &&
           b->queues > 0 && b->queues <= 64 && b->seconds > 0;
}

static bool parse_options(Bench *b, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        { "socket", 0, 0, G_OPTION_ARG_FILENAME, &b->socket, "of the server",
          "PATH" },
        { "pattern", 0, 0, G_OPTION_ARG_STRING, &b->pattern_name,
          "see the head of the source", "NAME" },
        { "bs", 0, 0, G_OPTION_ARG_INT, &b->bs, "bytes of a request", "N" },
        { "depth", 0, 0, G_OPTION_ARG_INT, &b->depth, "requests in flight",
          "N" },
        { "queues", 0, 0, G_OPTION_ARG_INT, &b->queues, NULL, "N" },
        { "span", 0, 0, G_OPTION_ARG_INT64, &b->span, "bytes to use", "N" },
        { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &b->seconds, NULL, "S" },
        { "warm-up", 0, 0, G_OPTION_ARG_DOUBLE, &b->warm_up, NULL, "S" },
        { "pid", 0, 0, G_OPTION_ARG_INT, &b->pid, "of the server", "PID" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &b->seed, NULL, "N" },
        { "sleep", 0, 0, G_OPTION_ARG_NONE, &b->sleep, "for interrupts", NULL },
        { "zeroed", 0, 0, G_OPTION_ARG_NONE, &b->zeroed, "the disk is empty",
          NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &b->json, "print JSON", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, NULL) && argc == 1 &&
           check_options(b);
}

static void make_model(Bench *b)
{
    uint64_t bytes = b->front.config.capacity * 512;

    b->nblocks = (b->span && b->span < bytes ? b->span : bytes) / b->bs;
    assert(b->nblocks > b->depth * b->queues);
    b->rng = b->seed * 0x9e3779b97f4a7c15ull | 1;
    if (b->pattern->verify) {
        b->model = g_new(uint32_t, b->nblocks);
        for (uint64_t i = 0; i < b->nblocks; i++) {
            b->model[i] = b->zeroed ? MODEL_ZERO : MODEL_UNKNOWN;
        }
    }
}

int main(int argc, char **argv)
{
    static Bench b = { .bs = 4096,
                       .depth = 32,
                       .queues = 1,
                       .seconds = 3,
                       .warm_up = 0.3,
                       .seed = 1 };
    Result r;

    b.pattern_name = g_strdup("randread");
    if (!parse_options(&b, argc, argv)) {
        fprintf(stderr, "bench-vhost-user: bad options; try --help\n");
        return 2;
    }
    vub_open(&b.front, b.socket, b.queues, b.depth, b.bs);
    make_model(&b);
    measure(&b, &r);
    vub_close(&b.front);
    if (b.json) {
        print_json(&b, &r);
    } else {
        print_text(&b, &r);
    }
    g_free(b.model);
    return b.failed || b.wrong;
}
