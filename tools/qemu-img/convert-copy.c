/*
 * qemu-img convert: the copying.
 *
 * A few coroutines take pieces of the source, one after the other, under
 * lock; each reads its piece and writes it. Reading, compressing and writing
 * of different pieces overlap. Unless -W was given the write of a piece begins
 * only when that of the piece before it has begun, so that the target grows
 * from front to back; compressed pieces are put in place as they get ready.
 * Memory: one buffer of a piece's size per coroutine, besides what the drivers
 * need for as many requests.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/convert.h"

#include "block/block-io.h"
#include "util/buffer.h"
#include "util/main-loop.h"
#include "util/memalign.h"
#include "util/timer.h"

typedef enum PieceKind {
    PIECE_DATA,
    PIECE_ZERO,
    PIECE_BACKING, /* the target's backing file has it */
} PieceKind;

typedef struct Copy {
    ConvertState *s;
    CoMutex lock;      /* next, index, known_* */
    int64_t next;      /* offset in the target of the next piece */
    int index;         /* source of that */
    int64_t known_end; /* the kind below is that of [next, known_end) */
    PieceKind known;
    int64_t started; /* writes of everything before have begun (in order) */
    CoQueue turn;    /* waits for started */
    int running;
    int ret;
    /* with ret < 0: of the first piece, by offset, that failed */
    int64_t failed_at;
    const char *failed;        /* at what; NULL: it has been told */
    int64_t allocated, copied; /* for the progress */
    int64_t begin_ns, sent;    /* for the rate limit */
} Copy;

typedef struct Piece {
    const ConvertSource *src;
    int64_t offset, bytes; /* in the target */
    PieceKind kind;
} Piece;

/* --- what comes next (under lock) --- */

static PieceKind kind_of(const ConvertState *s, int status, int64_t offset)
{
    if (status & BDRV_BLOCK_ZERO) {
        /* Behind the end of the backing file there is nothing to hide */
        return s->target_has_backing && s->backing_size >= 0 &&
                       offset >= s->backing_size &&
                       !(status & BDRV_BLOCK_ALLOCATED)
                   ? PIECE_BACKING
                   : PIECE_ZERO;
    }
    if (status & BDRV_BLOCK_DATA) {
        return PIECE_DATA;
    }
    return s->target_has_backing ? PIECE_BACKING : PIECE_DATA;
}

static int coroutine_fn learn_status(Copy *copy, const ConvertSource *src)
{
    ConvertState *s = copy->s;
    int64_t pos = copy->next - src->begin, num;
    int ret = bdrv_co_block_status_above(blk_bs(src->blk), src->base, pos,
                                         src->size - pos, &num);

    if (ret < 0 && s->salvage) {
        /* Taken for data: reading tells sector by sector */
        num = MIN(src->size - pos, s->buf_size);
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
    copy->known = kind_of(s, ret, copy->next);
    return 0;
}

/* Only whole clusters are compressed: a shorter piece becomes data, and one
 * that ends inside of a cluster ends before it. */
static void cut_to_clusters(const Copy *copy, Piece *piece)
{
    int64_t cluster = copy->s->cluster;

    if (piece->bytes < cluster) {
        piece->bytes = MIN(cluster, copy->s->total - piece->offset);
        piece->kind = PIECE_DATA;
    } else if (piece->offset + piece->bytes < copy->s->total) {
        piece->bytes = QEMU_ALIGN_DOWN(piece->bytes, cluster);
    }
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
    piece->kind = copy->known;
    piece->bytes = MIN(copy->known_end - copy->next, BDRV_REQUEST_MAX_BYTES);
    if (piece->kind == PIECE_DATA || !s->min_sparse) {
        piece->bytes = MIN(piece->bytes, s->buf_size);
    }
    if (s->cluster) {
        cut_to_clusters(copy, piece);
    }
    copy->next += piece->bytes;
    return 1;
}

/* Which of several pieces under way fails first is chance; what is told is not:
 * those before go on, and the first one on the disk counts. */
static bool goes_on(const Copy *copy, const Piece *piece)
{
    return !copy->ret || piece->offset < copy->failed_at;
}

static int fail_piece(Copy *copy, const Piece *piece, const char *what, int ret)
{
    if (goes_on(copy, piece)) {
        copy->ret = ret;
        copy->failed_at = piece->offset;
        copy->failed = what;
    }
    return ret;
}

/* --- reading --- */

/* Read what can be read, sector by sector; the rest is zero. */
static void coroutine_fn salvage(Copy *copy, BlockBackend *blk, int64_t from,
                                 int64_t bytes, char *buf)
{
    for (int64_t pos = 0; pos < bytes; pos += BDRV_SECTOR_SIZE) {
        int64_t len = MIN(BDRV_SECTOR_SIZE, bytes - pos);
        int ret = blk_co_pread(blk, from + pos, len, buf + pos, 0);

        if (ret < 0) {
            if (!copy->s->quiet) {
                warn_report("error while reading offset %" PRId64 ": %s",
                            from + pos, strerror(-ret));
            }
            memset(buf + pos, 0, len);
        }
    }
}

/* A piece that was made longer than its source goes on in the next ones. */
static int coroutine_fn read_piece(Copy *copy, const Piece *piece, char *buf)
{
    const ConvertSource *src = piece->src;
    int64_t done = 0;

    while (done < piece->bytes) {
        int64_t pos = piece->offset + done - src->begin;
        int64_t n = MIN(piece->bytes - done, src->size - pos);
        int ret = n ? blk_co_pread(src->blk, pos, n, buf + done, 0) : 0;

        if (ret < 0 && copy->s->salvage) {
            salvage(copy, src->blk, pos, n, buf + done);
        } else if (ret < 0) {
            return fail_piece(copy, piece, "reading", ret);
        }
        done += n;
        src++;
    }
    return 0;
}

/* --- writing --- */

static int coroutine_fn write_zeroes(Copy *copy, int64_t offset, int64_t bytes)
{
    ConvertState *s = copy->s;

    return s->has_zero_init
               ? 0
               : blk_co_pwrite_zeroes(s->target, offset, bytes,
                                      s->min_sparse ? BDRV_REQ_MAY_UNMAP : 0);
}

/*
 * How much from @pos on is (@zero: is not) zero, in whole blocks of the
 * target; zeroes that are too few count as data.
 */
static int64_t run_length(const Copy *copy, const Piece *piece, const char *buf,
                          int64_t pos, bool *zero)
{
    int64_t step = copy->s->alignment, begin = pos, data_end = pos;

    *zero = copy->s->min_sparse <= piece->bytes;
    if (!*zero) {
        return piece->bytes - pos; /* nothing can be long enough */
    }
    while (pos < piece->bytes) {
        int64_t end = QEMU_ALIGN_DOWN(piece->offset + pos, step) + step;
        int64_t len = MIN(end - piece->offset, piece->bytes) - pos;

        if (buffer_is_zero(buf + pos, len)) {
            /* Long enough a hole ends the data before it */
            if (!*zero && pos + len - data_end >= copy->s->min_sparse) {
                return data_end - begin;
            }
        } else if (*zero && pos - begin >= copy->s->min_sparse) {
            return pos - begin;
        } else {
            *zero = false;
            data_end = pos + len;
        }
        pos += len;
    }
    if (*zero && pos - begin < copy->s->min_sparse) {
        *zero = false;
    }
    return pos - begin;
}

static int coroutine_fn write_data(Copy *copy, const Piece *piece,
                                   const char *buf)
{
    ConvertState *s = copy->s;
    int64_t pos = 0;
    int ret = 0;

    while (pos < piece->bytes && ret >= 0) {
        int64_t len = piece->bytes - pos;
        bool zero = false;

        if (s->cluster) {
            /* The driver compresses cluster by cluster, of which those of
             * zeroes have to be told from the rest here */
            len = MIN(len, s->cluster);
            zero = s->min_sparse && buffer_is_zero(buf + pos, len);
            while (
                !zero && pos + len < piece->bytes &&
                !(s->min_sparse &&
                  buffer_is_zero(buf + pos + len,
                                 MIN(s->cluster, piece->bytes - pos - len)))) {
                len += MIN(s->cluster, piece->bytes - pos - len);
            }
        } else if (s->min_sparse) {
            len = run_length(copy, piece, buf, pos, &zero);
        }
        ret = zero ? write_zeroes(copy, piece->offset + pos, len)
                   : blk_co_pwrite(s->target, piece->offset + pos, len,
                                   buf + pos,
                                   s->cluster ? BDRV_REQ_WRITE_COMPRESSED : 0);
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

static void count_copied(Copy *copy, const Piece *piece)
{
    copy->copied += piece->bytes;
    img_progress_print(
        100.0 * copy->copied / MAX(copy->allocated, copy->copied), 0);
}

static int coroutine_fn write_piece(Copy *copy, const Piece *piece,
                                    const char *buf)
{
    int ret = 0;

    if (piece->kind == PIECE_DATA) {
        ret = write_data(copy, piece, buf);
    } else if (piece->kind == PIECE_ZERO) {
        ret = write_zeroes(copy, piece->offset, piece->bytes);
    }
    if (ret < 0) {
        return fail_piece(copy, piece, "writing", ret);
    }
    if (piece->kind == PIECE_DATA) {
        count_copied(copy, piece);
    }
    return 0;
}

/* Wait until the writes of all before @piece have begun. */
static void coroutine_fn wait_turn(Copy *copy, const Piece *piece)
{
    while (copy->started < piece->offset && !copy->ret) {
        qemu_co_queue_wait(&copy->turn, (CoMutex *)NULL);
    }
    /* Whoever is woken by this runs when our write waits for the file */
    copy->started = MAX(copy->started, piece->offset + piece->bytes);
    qemu_co_queue_restart_all(&copy->turn);
}

/* -C: copied, so that there is nothing left to do? */
static bool coroutine_fn offload_piece(Copy *copy, const Piece *piece)
{
    ConvertState *s = copy->s;

    if (!s->copy_range || piece->kind != PIECE_DATA || copy->ret) {
        return false;
    }
    if (!s->out_of_order) {
        wait_turn(copy, piece);
    }
    if (blk_co_copy_range(piece->src->blk, piece->offset - piece->src->begin,
                          s->target, piece->offset, piece->bytes) < 0) {
        s->copy_range = false; /* the rest as without -C */
        return false;
    }
    count_copied(copy, piece);
    limit_rate(copy, piece->bytes);
    return true;
}

static int coroutine_fn do_piece(Copy *copy, Piece *piece, char *buf)
{
    ConvertState *s = copy->s;
    int ret = 0;

    if (offload_piece(copy, piece)) {
        return 0;
    }

    if (piece->kind == PIECE_ZERO && !s->min_sparse) {
        /* -S 0: nothing is left out */
        memset(buf, 0, piece->bytes);
        piece->kind = PIECE_DATA;
    } else if (piece->kind == PIECE_DATA) {
        ret = read_piece(copy, piece, buf);
    }
    if (!s->out_of_order && !s->cluster) {
        wait_turn(copy, piece);
    }
    if (ret == 0 && goes_on(copy, piece)) {
        ret = write_piece(copy, piece, buf);
    }
    if (piece->kind == PIECE_DATA && copy->ret == 0) {
        limit_rate(copy, piece->bytes);
    }
    return ret;
}

static void coroutine_fn copy_entry(void *opaque)
{
    Copy *copy = opaque;
    char *buf = qemu_memalign(4096, copy->s->buf_size);
    Piece piece;

    while (!copy->ret) {
        int ret;

        qemu_co_mutex_lock(&copy->lock);
        ret = copy->ret ? 0 : take_piece(copy, &piece);
        qemu_co_mutex_unlock(&copy->lock);
        if (ret < 0) {
            copy->failed_at = copy->next;
            copy->failed = NULL;
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
static void coroutine_fn count_entry(void *opaque)
{
    Copy *copy = opaque;
    Copy scan = { .s = copy->s };
    Piece piece;

    while ((copy->ret = take_piece(&scan, &piece)) > 0) {
        if (piece.kind == PIECE_DATA ||
            (piece.kind == PIECE_ZERO && !copy->s->min_sparse)) {
            copy->allocated += piece.bytes;
        }
    }
    copy->running = 0;
}

int convert_copy(ConvertState *s)
{
    Copy copy = { .s = s, .running = 1 };

    qemu_co_mutex_init(&copy.lock);
    qemu_co_queue_init(&copy.turn);
    if (s->progress) {
        qemu_coroutine_enter(qemu_coroutine_create(count_entry, &copy));
        while (copy.running) {
            main_loop_wait(false);
        }
        if (copy.ret < 0) {
            return copy.ret;
        }
    } else {
        copy.allocated = s->total;
    }
    copy.begin_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    copy.running = s->n_coroutines;
    for (int i = 0; i < s->n_coroutines; i++) {
        qemu_coroutine_enter(qemu_coroutine_create(copy_entry, &copy));
    }
    while (copy.running) {
        main_loop_wait(false);
    }
    if (copy.ret < 0 && copy.failed) {
        error_report("error while %s at byte %" PRId64 ": %s", copy.failed,
                     copy.failed_at, strerror(-copy.ret));
    }
    return copy.ret;
}
