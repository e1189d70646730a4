/*
 * qemu-img convert: the copying.
 *
 * A few coroutines take pieces of the source, one after the other, under
 * lock; each reads its piece and writes it. Reads and writes of different
 * pieces overlap. Unless -W was given a piece is written only after the one
 * before it, so that the target grows from front to back. Memory: one buffer
 * of CONVERT_BUF_SIZE per coroutine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/convert.h"

#include "util/main-loop.h"
#include "util/memalign.h"
#include "util/timer.h"

typedef struct Copy {
    ConvertState *s;
    CoMutex lock;      /* next, index, known_* */
    int64_t next;      /* offset in the target of the next piece */
    int index;         /* source of that */
    int64_t known_end; /* the status below is that of [next, known_end) */
    bool known_zero;
    int64_t written; /* everything before has been written (in order) */
    CoQueue turn;    /* waits for written */
    int running;
    int ret;
    int64_t allocated, copied; /* for the progress */
    int64_t begin_ns, sent;    /* for the rate limit */
} Copy;

typedef struct Piece {
    const ConvertSource *src;
    int64_t offset, bytes; /* in the target */
    bool zero;
} Piece;

/* Find out what comes next; under lock. */
static int coroutine_fn learn_status(Copy *copy, const ConvertSource *src)
{
    int64_t pos = copy->next - src->begin, num;
    int ret = img_co_block_status(blk_bs(src->blk), pos, src->size - pos, &num);

    if (ret < 0 && copy->s->salvage) {
        /* Taken for data: reading tells sector by sector */
        num = MIN(src->size - pos, CONVERT_BUF_SIZE);
        ret = BDRV_BLOCK_DATA;
    }
    if (ret < 0) {
        error_report("error while reading block status at offset %" PRId64
                     ": %s",
                     copy->next, strerror(-ret));
        return ret;
    }
    if (!num) {
        num = src->size - pos;
        ret = BDRV_BLOCK_ZERO;
    }
    copy->known_end = copy->next + num;
    copy->known_zero = ret & BDRV_BLOCK_ZERO;
    return 0;
}

/* The next piece: 1, 0 (the end) or -errno. */
static int coroutine_fn take_piece(Copy *copy, Piece *piece)
{
    ConvertState *s = copy->s;
    const ConvertSource *src;
    int ret;

    while (copy->index < s->n_src &&
           copy->next >= s->src[copy->index].begin + s->src[copy->index].size) {
        copy->index++;
    }
    if (copy->index == s->n_src) {
        return 0;
    }
    src = &s->src[copy->index];
    if (copy->next >= copy->known_end) {
        ret = learn_status(copy, src);
        if (ret < 0) {
            return ret;
        }
    }
    piece->src = src;
    piece->offset = copy->next;
    piece->zero = copy->known_zero;
    piece->bytes = copy->known_end - copy->next;
    if (!piece->zero || !s->min_sparse) {
        piece->bytes = MIN(piece->bytes, CONVERT_BUF_SIZE);
    }
    piece->bytes = MIN(piece->bytes, BDRV_REQUEST_MAX_BYTES);
    copy->next += piece->bytes;
    return 1;
}

/* Read what can be read, sector by sector; the rest is zero. */
static void coroutine_fn salvage(Copy *copy, const Piece *piece, char *buf)
{
    for (int64_t pos = 0; pos < piece->bytes; pos += BDRV_SECTOR_SIZE) {
        int64_t len = MIN(BDRV_SECTOR_SIZE, piece->bytes - pos);
        int64_t from = piece->offset - piece->src->begin + pos;
        int ret = blk_co_pread(piece->src->blk, from, len, buf + pos, 0);

        if (ret < 0) {
            if (!copy->s->quiet) {
                warn_report("error while reading offset %" PRId64 ": %s", from,
                            strerror(-ret));
            }
            memset(buf + pos, 0, len);
        }
    }
}

static int coroutine_fn read_piece(Copy *copy, const Piece *piece, char *buf)
{
    int ret = blk_co_pread(piece->src->blk, piece->offset - piece->src->begin,
                           piece->bytes, buf, 0);

    if (ret < 0 && copy->s->salvage) {
        salvage(copy, piece, buf);
        return 0;
    }
    if (ret < 0) {
        error_report("error while reading at byte %" PRId64 ": %s",
                     piece->offset, strerror(-ret));
    }
    return ret;
}

static int coroutine_fn write_zeroes(Copy *copy, int64_t offset, int64_t bytes)
{
    ConvertState *s = copy->s;

    if (s->has_zero_init && s->min_sparse) {
        return 0;
    }
    /* Without -S 0 the space of zeroes need not be kept */
    return blk_co_pwrite_zeroes(s->target, offset, bytes,
                                s->min_sparse ? BDRV_REQ_MAY_UNMAP : 0);
}

/* How much from @pos on is (@zero: is not) zero, in steps of min_sparse. */
static int64_t run_length(const Copy *copy, const Piece *piece, const char *buf,
                          int64_t pos, bool *zero)
{
    int64_t step = copy->s->min_sparse, begin = pos;

    while (pos < piece->bytes) {
        int64_t end = QEMU_ALIGN_DOWN(piece->offset + pos, step) + step;
        int64_t len = MIN(end - piece->offset, piece->bytes) - pos;
        bool is_zero = img_buffer_is_zero(buf + pos, len);

        if (pos == begin) {
            *zero = is_zero;
        } else if (is_zero != *zero) {
            break;
        }
        pos += len;
    }
    return pos - begin;
}

static int coroutine_fn write_data(Copy *copy, const Piece *piece,
                                   const char *buf)
{
    int64_t pos = 0;
    int ret = 0;

    while (pos < piece->bytes && ret >= 0) {
        int64_t len = piece->bytes - pos;
        bool zero = false;

        if (copy->s->min_sparse) {
            len = run_length(copy, piece, buf, pos, &zero);
        }
        ret = zero ? write_zeroes(copy, piece->offset + pos, len)
                   : blk_co_pwrite(copy->s->target, piece->offset + pos, len,
                                   buf + pos, 0);
        pos += len;
    }
    return ret;
}

static void coroutine_fn limit_rate(Copy *copy, int64_t bytes)
{
    int64_t due;

    copy->sent += bytes;
    if (!copy->s->rate_limit) {
        return;
    }
    due = copy->begin_ns +
          (int64_t)((double)copy->sent / (double)copy->s->rate_limit * 1e9);
    due -= qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    if (due > 0) {
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, due);
    }
}

static int coroutine_fn write_piece(Copy *copy, const Piece *piece,
                                    const char *buf)
{
    int ret = piece->zero ? write_zeroes(copy, piece->offset, piece->bytes)
                          : write_data(copy, piece, buf);

    if (ret < 0) {
        error_report("error while writing at byte %" PRId64 ": %s",
                     piece->offset, strerror(-ret));
        return ret;
    }
    if (!piece->zero) {
        copy->copied += piece->bytes;
        img_progress_print(
            100.0 * copy->copied / MAX(copy->allocated, copy->copied), 0);
    }
    return 0;
}

/* Wait until all before @piece is written. */
static void coroutine_fn wait_turn(Copy *copy, const Piece *piece)
{
    while (copy->written < piece->offset && !copy->ret) {
        qemu_co_queue_wait(&copy->turn, (CoMutex *)NULL);
    }
}

static int coroutine_fn do_piece(Copy *copy, const Piece *piece, char *buf)
{
    bool in_order = !copy->s->out_of_order;
    int ret = 0;

    if (!piece->zero) {
        ret = read_piece(copy, piece, buf);
    }
    if (in_order) {
        wait_turn(copy, piece);
    }
    if (ret == 0 && copy->ret == 0) {
        ret = write_piece(copy, piece, buf);
    }
    if (ret < 0 && !copy->ret) {
        copy->ret = ret;
    }
    if (in_order) {
        copy->written = MAX(copy->written, piece->offset + piece->bytes);
        qemu_co_queue_restart_all(&copy->turn);
    }
    if (!piece->zero && copy->ret == 0) {
        limit_rate(copy, piece->bytes);
    }
    return ret;
}

static void coroutine_fn copy_entry(void *opaque)
{
    Copy *copy = opaque;
    char *buf = qemu_memalign(4096, CONVERT_BUF_SIZE);
    Piece piece;

    while (!copy->ret) {
        int ret;

        qemu_co_mutex_lock(&copy->lock);
        ret = copy->ret ? 0 : take_piece(copy, &piece);
        qemu_co_mutex_unlock(&copy->lock);
        if (ret < 0) {
            copy->ret = ret;
        }
        if (ret <= 0 || do_piece(copy, &piece, buf) < 0) {
            break;
        }
    }
    qemu_vfree(buf);
    copy->running--;
    qemu_co_queue_restart_all(&copy->turn);
}

/* How much will be copied: for the progress. */
static int64_t count_allocated(const ConvertState *s)
{
    int64_t sum = 0;

    for (int i = 0; i < s->n_src; i++) {
        int64_t pos = 0, num;

        while (pos < s->src[i].size) {
            int ret = img_block_status(blk_bs(s->src[i].blk), pos,
                                       s->src[i].size - pos, &num, NULL, NULL,
                                       NULL);

            if (ret < 0 || !num) {
                break; /* the copying will tell */
            }
            if ((ret & BDRV_BLOCK_DATA) && !(ret & BDRV_BLOCK_ZERO)) {
                sum += num;
            }
            pos += num;
        }
    }
    return sum;
}

int convert_copy(ConvertState *s)
{
    Copy copy = { .s = s, .known_end = 0 };

    qemu_co_mutex_init(&copy.lock);
    qemu_co_queue_init(&copy.turn);
    copy.allocated = count_allocated(s);
    copy.begin_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    copy.running = s->n_coroutines;
    for (int i = 0; i < s->n_coroutines; i++) {
        qemu_coroutine_enter(qemu_coroutine_create(copy_entry, &copy));
    }
    while (copy.running) {
        main_loop_wait(false);
    }
    return copy.ret;
}
