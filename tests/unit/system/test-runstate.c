/*
 * The run-state machine: transitions, requests, actions, notifications.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/runstate.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "hw/core/vm-state.h"
#include "qapi/qmp-event.h"
#include "qobject/qdict.h"
#include "util/main-loop.h"

static GString *journal;

static void on_event(unsigned event, QDict *qdict)
{
    const QDict *data = qdict_get_qdict(qdict, "data");

    g_string_append(journal, qdict_get_str(qdict, "event"));
    if (data && qdict_get_try_str(data, "reason")) {
        g_string_append_printf(journal, "(%s)",
                               qdict_get_try_str(data, "reason"));
    }
    g_string_append_c(journal, ' ');
}

static void on_change(void *opaque, bool running, RunState state)
{
    g_string_append(journal, running ? "notify+ " : "notify- ");
}

static void pause_all(void)
{
    g_string_append(journal, "pause ");
}

static void resume_all(void)
{
    g_string_append(journal, "resume ");
}

static void machine_reset(MachineState *ms)
{
    g_string_append(journal, "reset ");
}

static void machine_powerdown(MachineState *ms)
{
    g_string_append(journal, "button ");
}

static const AccelOps accel = {
    .name = "test",
    .pause_all = pause_all,
    .resume_all = resume_all,
};

static const MachineClass machine_class = {
    .name = "test",
    .reset = machine_reset,
    .powerdown = machine_powerdown,
};

static void check_journal(const char *expected)
{
    g_assert_cmpstr(journal->str, ==, expected);
    g_string_truncate(journal, 0);
}

static void test_start_stop(void)
{
    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    vm_stop(RUN_STATE_PAUSED);
    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    check_journal("");
    vm_start();
    g_assert_true(runstate_is_running());
    check_journal("RESUME notify+ resume ");
    vm_start();
    check_journal("");
    vm_stop(RUN_STATE_PAUSED);
    g_assert_true(runstate_check(RUN_STATE_PAUSED));
    check_journal("pause notify- STOP ");
    vm_start();
    check_journal("RESUME notify+ resume ");
}

static void test_vmstop_request(void)
{
    qemu_system_vmstop_request(RUN_STATE_IO_ERROR);
    g_assert_true(runstate_is_running());
    g_assert_false(runstate_process_requests(NULL));
    g_assert_true(runstate_check(RUN_STATE_IO_ERROR));
    check_journal("pause notify- STOP ");
    vm_start();
    check_journal("RESUME notify+ resume ");
    /* cont between the request and its execution */
    qemu_system_vmstop_request(RUN_STATE_IO_ERROR);
    vm_start();
    check_journal("pause notify- STOP RESUME notify+ resume ");
    g_assert_false(runstate_process_requests(NULL));
    g_assert_true(runstate_is_running());
    check_journal("");
    /* ... which cannot undo an internal error */
    qemu_system_vmstop_request(RUN_STATE_INTERNAL_ERROR);
    vm_start();
    g_assert_true(runstate_check(RUN_STATE_INTERNAL_ERROR));
    check_journal("pause notify- STOP ");
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    g_assert_false(runstate_process_requests(NULL));
    vm_start();
    check_journal("pause reset RESET(host-qmp-system-reset) "
                  "RESUME notify+ resume ");
}

static void test_reset(void)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    g_assert_false(runstate_process_requests(NULL));
    check_journal("pause reset RESET(guest-reset) resume ");
    vm_stop(RUN_STATE_INTERNAL_ERROR);
    g_assert_true(runstate_needs_reset());
    check_journal("pause notify- STOP ");
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    g_assert_false(runstate_process_requests(NULL));
    g_assert_true(runstate_check(RUN_STATE_PRELAUNCH));
    g_assert_false(runstate_needs_reset());
    check_journal("pause reset RESET(host-qmp-system-reset) ");
    vm_start();
    check_journal("RESUME notify+ resume ");
}

static void test_powerdown(void)
{
    qemu_system_powerdown_request();
    g_assert_false(runstate_process_requests(NULL));
    check_journal("POWERDOWN button ");
}

static void test_panic(void)
{
    PanicAction action = PANIC_ACTION_PAUSE;

    runstate_set_actions(NULL, NULL, &action);
    qemu_system_guest_panicked();
    g_assert_false(runstate_process_requests(NULL));
    g_assert_true(runstate_check(RUN_STATE_GUEST_PANICKED));
    check_journal("GUEST_PANICKED pause notify- STOP ");
    vm_start();
    check_journal("RESUME notify+ resume ");
}

static void test_no_shutdown(void)
{
    ShutdownAction action = SHUTDOWN_ACTION_PAUSE;

    runstate_set_actions(NULL, &action, NULL);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    g_assert_false(runstate_process_requests(NULL));
    g_assert_true(runstate_check(RUN_STATE_SHUTDOWN));
    check_journal("SHUTDOWN(guest-shutdown) pause notify- STOP ");
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    runstate_set(RUN_STATE_PRELAUNCH);
    vm_start();
    check_journal("reset RESUME notify+ resume ");
}

/* Last: there is no way back. */
static void test_shutdown(void)
{
    RebootAction reboot = REBOOT_ACTION_SHUTDOWN;
    ShutdownAction shutdown = SHUTDOWN_ACTION_POWEROFF;
    int status = -1;

    runstate_set_actions(&reboot, &shutdown, NULL);
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN, 33);
    g_assert_true(runstate_process_requests(NULL));
    check_journal("SHUTDOWN(guest-shutdown) ");
    g_assert_true(runstate_process_requests(&status));
    g_assert_cmpint(status, ==, 33);
    check_journal("");
}

int main(int argc, char **argv)
{
    static MachineState machine = { .mc = &machine_class, .accel = &accel };

    g_test_init(&argc, &argv, NULL);
    journal = g_string_new(NULL);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    qemu_init_main_loop(&error_abort);
    runstate_init();
    set_current_machine(&machine);
    set_current_accel(&accel);
    qapi_event_set_emitter(on_event);
    qemu_add_vm_change_state_handler(on_change, NULL);
    g_test_add_func("/runstate/start-stop", test_start_stop);
    g_test_add_func("/runstate/vmstop-request", test_vmstop_request);
    g_test_add_func("/runstate/reset", test_reset);
    g_test_add_func("/runstate/powerdown", test_powerdown);
    g_test_add_func("/runstate/panic", test_panic);
    g_test_add_func("/runstate/no-shutdown", test_no_shutdown);
    g_test_add_func("/runstate/shutdown", test_shutdown);
    return g_test_run();
}
