/*
 * The rules of blkdebug: what happens at which event in which state.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_FILTERS_BLKDEBUG_H
#define BLOCK_FILTERS_BLKDEBUG_H

#include "block/block-int.h"

typedef enum BlkdebugAction {
    BLKDEBUG_INJECT_ERROR,
    BLKDEBUG_SET_STATE,
    BLKDEBUG_SUSPEND,
} BlkdebugAction;

typedef struct BlkdebugRule BlkdebugRule;
struct BlkdebugRule {
    BlkdebugEvent event;
    BlkdebugAction action;
    uint64_t state; /* that it needs; 0: any */
    /* _INJECT_ERROR */
    unsigned iotypes; /* 1 << BlkdebugIOType */
    int error;        /* errno > 0; 0: none */
    int64_t sector;   /* -1: any */
    bool once, immediately;
    bool active; /* its event came, and no later one with errors */
    /* _SET_STATE */
    uint64_t new_state;
    /* _SUSPEND */
    char *tag;
    TAILQ_ENTRY(BlkdebugRule) next;
};

typedef TAILQ_HEAD(BlkdebugRules, BlkdebugRule) BlkdebugRules;

void blkdebug_rule_free(BlkdebugRules *rules, BlkdebugRule *rule);
/* Append the rules of @filename (may be NULL) and those in @options, which
 * are removed from there. Main; 0 or -errno. */
int blkdebug_read_rules(BlkdebugRules *rules, const char *filename,
                        QDict *options, Error **errp);

#endif
