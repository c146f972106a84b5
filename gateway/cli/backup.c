/* backup and restore: of a running service through REST, of a stopped one by its settings. */
#include "gateway/cli/cli.h"
#include "gateway/cli/local.h"
#include "relay/backup.h"
#include "relay/restore.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { POLL_MS = 200 };

/* -- backup ------------------------------------------------------------------------------- */

static void tell_backup(const char *id, uint64_t bytes, uint64_t files, uint64_t linked)
{
    printf("made backup %s: %" PRIu64 " files, %" PRIu64 " of them linked to the one before, "
           "%" PRIu64 " MB\n",
           id, files, linked, bytes >> 20);
}

static uint64_t number_of(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static vs_rc follow(struct vs_cli *cli, json_t **state)
{
    const char *id = vs_arena_strdup(cli->arena, vs_cli_text(*state, "id"));
    const char *path = id == NULL ? NULL : vs_arena_printf(cli->arena, "/v1/backups/%s", id);
    if (path == NULL)
        return vs_fail_memory(&cli->err);
    while (vs_text_equal(vs_cli_text(*state, "state"), "running")) {
        vs_cli_progress("copying", number_of(*state, "bytes"), number_of(*state, "total"));
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
        json_decref(*state);
        *state = NULL;
        VS_TRY(vs_cli_call(cli, "GET", path, NULL, state));
    }
    vs_cli_progress("", 0, 0);
    return VS_OK;
}

static int backup_running(struct vs_cli *cli, bool wait)
{
    json_t *state = NULL;
    vs_rc rc = vs_cli_call(cli, "POST", "/v1/backups", NULL, &state);
    if (vs_ok(rc) && wait)
        rc = follow(cli, &state);
    int status = VS_EXIT_DONE;
    if (!vs_ok(rc)) {
        status = vs_cli_failed(cli, rc);
    } else if (vs_text_equal(vs_cli_text(state, "state"), "failed")) {
        status = VS_EXIT_FAILED;
        if (!vs_cli_show_json(cli, state))
            fprintf(stderr, "vasite: the backup failed: %s\n", vs_cli_text(state, "text"));
    } else if (!vs_cli_show_json(cli, state) && wait) {
        tell_backup(vs_cli_text(state, "id"), number_of(state, "bytes"),
                    number_of(state, "files"), number_of(state, "linked"));
    } else if (!cli->json) {
        printf("begun: backup %s\n", vs_cli_text(state, "id"));
    }
    json_decref(state);
    return status;
}

static vs_rc run_here(struct vs_cli *cli, struct vs_relay *relay, struct vs_backup_progress *p)
{
    char id[VS_BACKUP_ID];
    VS_TRY(vs_backup_start(relay, vs_relay_now(relay), id, &cli->err));
    while (vs_backup_step(relay, vs_relay_now(relay))) {
        vs_backup_progress(relay, p);
        vs_cli_progress("copying", p->bytes, p->total);
    }
    vs_cli_progress("", 0, 0);
    vs_backup_progress(relay, p);
    if (p->state == VS_BACKUP_DONE)
        return VS_OK;
    cli->err = p->error;
    return (vs_rc){p->error.code};
}

static int backup_stopped(struct vs_cli *cli, const char *config)
{
    const struct vs_settings *settings;
    struct vs_relay *relay = NULL;
    struct vs_backup_progress p;
    vs_rc rc = vs_cli_open_relay(cli, config, true, &settings, &relay);
    if (vs_ok(rc))
        rc = run_here(cli, relay, &p);
    vs_relay_close(relay);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (cli->json)
        printf("{\"id\": \"%s\", \"files\": %" PRIu64 ", \"linked\": %" PRIu64
               ", \"bytes\": %" PRIu64 "}\n",
               p.id, p.files, p.linked, p.bytes);
    else
        tell_backup(p.id, p.bytes, p.files, p.linked);
    return VS_EXIT_DONE;
}

int vs_cli_backup(struct vs_cli *cli, int argc, char **argv)
{
    const char *config = NULL;
    bool no_wait = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"config", 'c', VS_OPTION_TEXT, &config, "FILE",
         "of a service that is stopped: its vasite.yaml"},
        {"no-wait", 'n', VS_OPTION_FLAG, &no_wait, NULL,
         "end as soon as the running service has begun it"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "",
            "Copy the whole store, as it is at one moment, into a new folder below the "
            "setting backup.folder: rows, documents, evidence, keys as they are, the "
            "journal's checkpoint. The running service (as its operator, by profile) "
            "takes documents in meanwhile. What has not changed since the backup before "
            "is linked to it. Everything is read again after writing; `sha256sum -c "
            "SHA256SUMS` in the folder checks it at any time.",
            options, COUNT(options), 0, 0},
        argc, argv, &args);
    return config != NULL ? backup_stopped(cli, config) : backup_running(cli, !no_wait);
}

/* -- restore ------------------------------------------------------------------------------ */

struct shown {
    const char *what;
    uint64_t bytes, total;
};

static void show(void *context, uint64_t bytes)
{
    struct shown *shown = context;
    shown->bytes += bytes;
    vs_cli_progress(shown->what, shown->bytes, shown->total > 0 ? shown->total : shown->bytes);
}

static int tell_restored(struct vs_cli *cli, const struct vs_restored *r)
{
    if (cli->json) {
        json_t *all = json_object();
        json_object_set_new(all, "log", json_string(r->log));
        json_object_set_new(all, "old_log", json_string(r->old_log));
        json_object_set_new(all, "lost_from", json_integer((json_int_t)r->lost_from));
        json_object_set_new(all, "lost_until_at_least",
                            r->until_known ? json_integer((json_int_t)r->lost_until)
                                           : json_null());
        json_object_set_new(all, "given_up",
                            r->given_up == NULL ? json_null() : json_string(r->given_up));
        json_object_set_new(all, "evidence", json_string(r->evidence));
        (void)vs_cli_show_json(cli, all);
        json_decref(all);
        return VS_EXIT_DONE;
    }
    printf("restored: the new log is %s\n", r->log);
    if (r->until_known && r->lost_until == r->lost_from)
        printf("of %s nothing is known to be lost: the anchor knew %" PRIu64 " entries\n",
               r->old_log, r->lost_from);
    else if (r->until_known)
        printf("of %s the entries %" PRIu64 " to %" PRIu64 " (at least) are lost\n", r->old_log,
               r->lost_from, r->lost_until - 1);
    else
        printf("of %s the entries from %" PRIu64 " on are lost; how many is not known\n",
               r->old_log, r->lost_from);
    if (r->given_up != NULL)
        printf("the log %s is given up\n", r->given_up);
    printf("evidence %s says so. Certificates that were revoked after the backup must be\n"
           "revoked again.\n",
           r->evidence);
    return VS_EXIT_DONE;
}

static vs_rc verify(struct vs_cli *cli, struct vs_restore_options *options, uint64_t *ret_files,
                    uint64_t *ret_bytes)
{
    struct shown shown = {.what = "verifying"};
    options->progress = show;
    options->context = &shown;
    vs_rc rc = vs_backup_verify(options, ret_files, ret_bytes, &cli->err);
    vs_cli_progress("", 0, 0);
    return rc;
}

static int check_only(struct vs_cli *cli, struct vs_restore_options *options)
{
    uint64_t files, bytes;
    vs_rc rc = verify(cli, options, &files, &bytes);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    printf("%s: %" PRIu64 " files, %" PRIu64 " MB, all as they were\n", options->from, files,
           bytes >> 20);
    return VS_EXIT_DONE;
}

static vs_rc restore(struct vs_cli *cli, const char *config, struct vs_restore_options *options,
                     struct vs_restored *ret)
{
    const struct vs_settings *settings;
    struct vs_seams seams = vs_seams_real();
    struct vs_relay_settings relay;
    struct shown shown = {.what = "restoring"};
    VS_TRY(vs_cli_settings(cli, config, &settings, &relay));
    options->progress = show;
    options->context = &shown;
    vs_rc rc = vs_restore(&relay, &seams, options, cli->arena, ret, &cli->err);
    vs_cli_progress("", 0, 0);
    return rc;
}

int vs_cli_restore(struct vs_cli *cli, int argc, char **argv)
{
    const char *config = NULL;
    struct vs_restore_options wanted = {0};
    bool check = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"from", 'f', VS_OPTION_TEXT, &wanted.from, "FOLDER", "the backup"},
        {"config", 'c', VS_OPTION_TEXT, &config, "FILE",
         "the service's vasite.yaml; its data folder must be empty"},
        {"check", 'k', VS_OPTION_FLAG, &check, NULL, "only verify the backup's files"},
        {"anchor-lost", 'a', VS_OPTION_FLAG, &wanted.anchor_lost, NULL,
         "go on without journal.anchor: how much is lost cannot be said then"},
        {"supersede", 's', VS_OPTION_TEXT, &wanted.supersede, "LOG",
         "the log that the anchor knows, begun by an earlier restore, is given up"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "",
            "Make a service from a backup: verify it, copy it into the empty data "
            "folder, and begin a new log. Its first entry is signed evidence that names "
            "the old log's last known checkpoint and the range of entries that is lost. "
            "The old log is never continued; a store that is not the anchor's does not "
            "start any more. The service must not be running.",
            options, COUNT(options), 0, 0},
        argc, argv, &args);
    struct vs_restored restored;
    if (wanted.from == NULL)
        return vs_cli_failed(cli,
                             vs_fail(&cli->err, VS_E_USAGE, NULL, "--from FOLDER is missing"));
    if (check)
        return check_only(cli, &wanted);
    vs_rc rc = restore(cli, config, &wanted, &restored);
    return vs_ok(rc) ? tell_restored(cli, &restored) : vs_cli_failed(cli, rc);
}
