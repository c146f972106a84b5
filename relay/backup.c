#include "relay/backup_priv.h"
#include "relay/relay_priv.h"
#include <stdio.h>

enum { ARENA_BYTES = 64 << 20 };

/* -- what is told ------------------------------------------------------------------------- */

static bool stopping(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool is = relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    return is;
}

bool vs_backup_moved(void *context, uint64_t bytes)
{
    struct vs_relay *relay = context;
    pthread_mutex_lock(&relay->backup->lock);
    relay->backup->progress.bytes += bytes;
    pthread_mutex_unlock(&relay->backup->lock);
    return !stopping(relay);
}

void vs_backup_tell(struct vs_backup *backup, const char *phase, uint64_t more_total,
                    unsigned files, unsigned linked)
{
    pthread_mutex_lock(&backup->lock);
    if (phase != NULL)
        backup->progress.phase = phase;
    backup->progress.total += more_total;
    backup->progress.files += files;
    backup->progress.linked += linked;
    pthread_mutex_unlock(&backup->lock);
}

void vs_backup_progress(struct vs_relay *relay, struct vs_backup_progress *ret)
{
    pthread_mutex_lock(&relay->backup->lock);
    *ret = relay->backup->progress;
    pthread_mutex_unlock(&relay->backup->lock);
}

/* -- steps ------------------------------------------------------------------------------- */

static void free_run(struct vs_relay *relay, struct vs_backup_run *run)
{
    vs_store_copy_end(run->copy);
    vs_store_close(run->rows);
    if (run->held)
        vs_segments_release(relay->segments);
    vs_sums_close(run->sums);
    vs_sums_close(run->sums_before);
    vs_copier_done(&run->copier);
    vs_arena_free(run->arena);
    vs_heap_free(run);
}

static void end(struct vs_relay *relay, vs_rc rc, const struct vs_error *err, vs_time_ms now)
{
    struct vs_backup *backup = relay->backup;
    struct vs_backup_run *run = backup->run;
    char folder[VS_BACKUP_PATH];
    snprintf(folder, sizeof folder, "%s", run->folder);
    free_run(relay, run);
    backup->run = NULL;
    if (!vs_ok(rc) && folder[0] != '\0')
        vs_backup_remove(&vs_fileops_real, folder, true);
    pthread_mutex_lock(&backup->lock);
    backup->progress.state = vs_ok(rc) ? VS_BACKUP_DONE : VS_BACKUP_FAILED;
    backup->progress.phase = "done";
    backup->progress.ended = now;
    if (!vs_ok(rc))
        backup->progress.error = *err;
    pthread_mutex_unlock(&backup->lock);
}

static struct vs_backup_run *take_run(struct vs_relay *relay)
{
    struct vs_backup *backup = relay->backup;
    pthread_mutex_lock(&backup->lock);
    bool running = backup->progress.state == VS_BACKUP_RUNNING;
    pthread_mutex_unlock(&backup->lock);
    if (!running || backup->run != NULL)
        return backup->run;
    struct vs_backup_run *run = vs_heap_new(sizeof *run);
    vs_copier_init(&run->copier, &vs_fileops_real, vs_backup_moved, relay);
    run->arena = vs_arena_new(ARENA_BYTES);
    run->last_segment = -1;
    backup->run = run;
    return run;
}

bool vs_backup_step(struct vs_relay *relay, vs_time_ms now)
{
    struct vs_backup_run *run = take_run(relay);
    struct vs_error err = {.text = "out of memory"};
    bool done = false;
    if (run == NULL)
        return false;
    vs_rc rc =
        run->arena == NULL ? vs_fail_memory(&err) : vs_backup_piece(relay, run, &done, &err);
    if (done || !vs_ok(rc))
        end(relay, rc, &err, now);
    return true;
}

bool vs_backup_wait(struct vs_relay *relay, int64_t timeout_ms)
{
    struct vs_backup *backup = relay->backup;
    int64_t until = relay->seams.monotonic_ms(relay->seams.context) + timeout_ms;
    struct timespec at = {.tv_sec = (time_t)(until / 1000),
                          .tv_nsec = (long)(until % 1000) * 1000000};
    pthread_mutex_lock(&backup->lock);
    if (backup->progress.state != VS_BACKUP_RUNNING && !stopping(relay))
        (void)pthread_cond_timedwait(&backup->started, &backup->lock, &at);
    bool running = backup->progress.state == VS_BACKUP_RUNNING;
    pthread_mutex_unlock(&backup->lock);
    return running || !stopping(relay);
}

/* -- start -------------------------------------------------------------------------------- */

static void id_of(vs_time_ms now, char id[VS_BACKUP_ID])
{
    char text[VS_TIME_TEXT];
    size_t n = 0;
    vs_time_text(now, text);
    for (const char *at = text; *at != '\0' && n + 1 < VS_BACKUP_ID; at++)
        if (strchr("-:.", *at) == NULL)
            id[n++] = *at;
    id[n] = '\0';
}

vs_rc vs_backup_start(struct vs_relay *relay, vs_time_ms now, char ret_id[VS_BACKUP_ID],
                      struct vs_error *err)
{
    struct vs_backup *backup = relay->backup;
    vs_rc rc = VS_OK;
    if (relay->settings.backup_folder == NULL)
        return vs_fail(err, VS_E_CONFIG, NULL, "backup.folder is not set");
    pthread_mutex_lock(&backup->lock);
    if (backup->progress.state == VS_BACKUP_RUNNING) {
        rc = vs_fail(err, VS_E_STATE, NULL, "the backup %s is running", backup->progress.id);
    } else {
        backup->progress = (struct vs_backup_progress){
            .state = VS_BACKUP_RUNNING, .phase = "rows", .began = now, .ended = VS_TIME_NONE};
        id_of(now, backup->progress.id);
        snprintf(ret_id, VS_BACKUP_ID, "%s", backup->progress.id);
        pthread_cond_signal(&backup->started);
    }
    pthread_mutex_unlock(&backup->lock);
    return rc;
}

struct vs_backup *vs_backup_new(void)
{
    struct vs_backup *backup = vs_heap_new(sizeof *backup);
    pthread_condattr_t monotonic;
    pthread_mutex_init(&backup->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&backup->started, &monotonic);
    pthread_condattr_destroy(&monotonic);
    backup->progress.phase = "done";
    backup->progress.began = backup->progress.ended = VS_TIME_NONE;
    return backup;
}

void vs_backup_close(struct vs_relay *relay)
{
    struct vs_error err;
    if (relay->backup == NULL)
        return;
    if (relay->backup->run != NULL)
        end(relay, vs_fail(&err, VS_E_STOPPING, NULL, "the service has stopped"), &err,
            vs_relay_now(relay));
    pthread_cond_destroy(&relay->backup->started);
    pthread_mutex_destroy(&relay->backup->lock);
    vs_heap_free(relay->backup);
}

void vs_backup_wake(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->backup->lock);
    pthread_cond_broadcast(&relay->backup->started);
    pthread_mutex_unlock(&relay->backup->lock);
}

/* -- list --------------------------------------------------------------------------------- */

vs_rc vs_backup_list(struct vs_relay *relay, struct vs_arena *arena, const char *const **ret,
                     size_t *ret_n, struct vs_error *err)
{
    const char **names;
    size_t n, used = 0;
    if (relay->settings.backup_folder == NULL)
        return vs_fail(err, VS_E_CONFIG, NULL, "backup.folder is not set");
    VS_TRY(vs_folder_names(&vs_fileops_real, relay->settings.backup_folder, arena, &names, &n,
                           err));
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) == VS_BACKUP_ID - 1 &&
            strspn(names[i], "0123456789TZ") == VS_BACKUP_ID - 1)
            names[used++] = names[i];
    *ret = names;
    *ret_n = used;
    return VS_OK;
}
