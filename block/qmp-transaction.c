/*
 * QMP: transaction.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block.h"
#include "block/transaction.h"
#include "qapi/qapi-commands-transaction.h"

static bool prepare_abort(TransactionAction *action, void *state, Error **errp)
{
    error_setg(errp, "Transaction aborted using Abort action");
    return false;
}

static const BdrvActionOps action_abort = { .prepare = prepare_abort };

static const BdrvActionOps *const actions_table[] = {
    [TRANSACTION_ACTION_KIND_ABORT] = &action_abort,
    [TRANSACTION_ACTION_KIND_BLOCKDEV_SNAPSHOT_INTERNAL_SYNC] =
        &bdrv_action_snapshot_internal,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ADD] = &bdrv_action_bitmap_add,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_REMOVE] =
        &bdrv_action_bitmap_remove,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_CLEAR] =
        &bdrv_action_bitmap_clear,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_ENABLE] =
        &bdrv_action_bitmap_enable,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_DISABLE] =
        &bdrv_action_bitmap_disable,
    [TRANSACTION_ACTION_KIND_BLOCK_DIRTY_BITMAP_MERGE] =
        &bdrv_action_bitmap_merge,
};

typedef struct Step {
    const BdrvActionOps *ops;
    void *state;
} Step;

static bool prepare_all(TransactionActionList *list, GArray *steps,
                        Error **errp)
{
    for (; list; list = list->next) {
        Step step = { .ops = actions_table[list->value->type] };

        step.state = g_malloc0(MAX(step.ops->state_size, 1));
        if (!step.ops->prepare(list->value, step.state, errp)) {
            g_free(step.state);
            return false;
        }
        g_array_append_val(steps, step);
    }
    return true;
}

static void end_all(GArray *steps, bool ok)
{
    for (guint i = 0; i < steps->len; i++) {
        const Step *s = &g_array_index(steps, Step,
                                       ok ? i : steps->len - 1 - i);
        void (*end)(void *state) = ok ? s->ops->commit : s->ops->abort;

        if (end) {
            end(s->state);
        }
        g_free(s->state);
    }
}

/* Only jobs can be tied together. */
static bool check_mode(const TransactionActionList *list,
                       ActionCompletionMode mode, Error **errp)
{
    if (mode == ACTION_COMPLETION_MODE_INDIVIDUAL || !list) {
        return true;
    }
    error_setg(errp,
               "Action '%s' does not support transaction property "
               "completion-mode = %s",
               TransactionActionKind_str(list->value->type),
               ActionCompletionMode_str(mode));
    return false;
}

void qmp_transaction(TransactionActionList *actions,
                     TransactionProperties *properties, Error **errp)
{
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(Step));
    ActionCompletionMode mode = properties && properties->has_completion_mode
                                    ? properties->completion_mode
                                    : ACTION_COMPLETION_MODE_INDIVIDUAL;

    if (!check_mode(actions, mode, errp)) {
        return;
    }
    bdrv_drain_all_begin();
    end_all(steps, prepare_all(actions, steps, errp));
    bdrv_drain_all_end();
}
