/* The bytes of a submission as they arrive, and its way to the workers and back. */
#include "formats/container/zip.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/submit_priv.h"

#define ARENA_MAX ((size_t)96 << 20) /* beside the document: what judging it needs */

static vs_rc too_large(const struct vs_relay *relay, struct vs_error *err)
{
    return vs_fail(err, VS_E_TOO_LARGE, NULL, "a document has at most %llu bytes",
                   (unsigned long long)relay->settings.document_max);
}

vs_rc vs_submission_begin(struct vs_relay *relay, const struct vs_caller *caller, uint64_t size,
                          struct vs_submission **ret, struct vs_error *err)
{
    if (!vs_caller_may(caller, VS_ROLE_SENDER) || vs_id_is_none(caller->participant))
        return vs_fail(err, VS_E_FORBIDDEN, NULL, "sending needs the role 'sender'");
    if (size != UINT64_MAX && size > relay->settings.document_max)
        return too_large(relay, err);
    VS_TRY(vs_relay_intake(relay, vs_relay_now(relay), err));
    struct vs_submission *submission = vs_heap_new(sizeof *submission);
    submission->relay = relay;
    submission->arena = vs_arena_new(ARENA_MAX);
    submission->caller = *caller;
    submission->counted = true;
    atomic_fetch_add(&relay->receiving, 1);
    submission->parameters.deadline = VS_TIME_NONE;
    submission->hasher = vs_hasher_new(VS_SHA256);
    vs_buffer_init(&submission->memory, relay->settings.memory_max);
    if (size <= relay->settings.memory_max)
        vs_buffer_expect(&submission->memory, (size_t)size);
    if (submission->arena == NULL) {
        vs_submission_free(submission);
        return vs_fail_memory(err);
    }
    *ret = submission;
    return VS_OK;
}

struct vs_submit_parameters *vs_submission_parameters(struct vs_submission *submission)
{
    return &submission->parameters;
}

struct vs_arena *vs_submission_arena(struct vs_submission *submission)
{
    return submission->arena;
}

/* A batch no longer waits for it. */
static void uncount(struct vs_submission *submission)
{
    if (submission->counted)
        atomic_fetch_sub(&submission->relay->receiving, 1);
    submission->counted = false;
}

static vs_rc to_spool(struct vs_submission *submission, struct vs_bytes chunk,
                      struct vs_error *err)
{
    if (submission->spool == NULL) {
        uncount(submission); /* it may take long */
        VS_TRY(vs_spool_new(submission->relay->segments, &submission->spool, err));
        VS_TRY(vs_spool_add(submission->spool, vs_buffer_view(&submission->memory), err));
        vs_buffer_done(&submission->memory);
    }
    return vs_spool_add(submission->spool, chunk, err);
}

vs_rc vs_submission_feed(struct vs_submission *submission, struct vs_bytes chunk,
                         struct vs_error *err)
{
    const struct vs_relay_settings *s = &submission->relay->settings;
    VS_ASSERT(!submission->ended);
    if (chunk.len > s->document_max - submission->size)
        return too_large(submission->relay, err);
    vs_hasher_add(submission->hasher, chunk);
    submission->crc32 = vs_zip_crc32(submission->crc32, chunk);
    submission->size += chunk.len;
    if (submission->size > s->memory_max)
        return to_spool(submission, chunk, err);
    vs_buffer_add(&submission->memory, chunk);
    return vs_buffer_check(&submission->memory, err);
}

static void run_done(struct vs_job *job)
{
    struct vs_submission *submission = job->context;
    struct vs_relay *relay = submission->relay;
    if (vs_ok(job->rc) && submission->receipt.replayed)
        vs_relay_count(relay, replayed, 1);
    submission->done(submission, submission->context);
}

vs_rc vs_submission_finish(struct vs_submission *submission,
                           void (*done)(struct vs_submission *submission, void *context),
                           void *context, struct vs_error *err)
{
    struct vs_relay *relay = submission->relay;
    VS_ASSERT(!submission->ended);
    submission->ended = true;
    submission->sent = vs_relay_now(relay);
    VS_TRY(vs_relay_intake(relay, submission->sent, err));
    if (submission->size == 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "the document is empty");
    struct vs_digest digest;
    vs_hasher_finish(submission->hasher, &digest);
    memcpy(submission->digest, digest.bytes, sizeof submission->digest);
    if (submission->spool != NULL) {
        submission->source = vs_spool_source(submission->spool);
    } else {
        vs_bytes_source_init(&submission->memory_source, vs_buffer_view(&submission->memory));
        submission->source = &submission->memory_source.source;
    }
    submission->done = done;
    submission->context = context;
    submission->job = (struct vs_job){.arena = submission->arena,
                                      .run = vs_submission_run,
                                      .done = run_done,
                                      .context = submission};
    /* Once queued, it may be done and gone at any moment. */
    bool counted = submission->counted;
    submission->counted = false;
    vs_rc rc = vs_relay_submit_job(relay, &submission->job, err);
    if (counted)
        atomic_fetch_sub(&relay->receiving, 1);
    return rc;
}

vs_rc vs_submission_result(const struct vs_submission *submission,
                           const struct vs_receipt **ret, struct vs_error *err)
{
    if (!vs_ok(submission->job.rc)) {
        *err = submission->job.error;
        return submission->job.rc;
    }
    *ret = &submission->receipt;
    return VS_OK;
}

void vs_submission_free(struct vs_submission *submission)
{
    if (submission == NULL)
        return;
    struct vs_error ignored;
    uncount(submission);
    /* After a broken commit nobody knows whether the row is there: the next start looks. */
    if (submission->adopted && !submission->committed &&
        vs_ok(vs_relay_broken(submission->relay, &ignored)))
        vs_segments_disown(submission->relay->segments, submission->location);
    vs_spool_free(submission->spool);
    vs_hasher_free(submission->hasher);
    vs_buffer_done(&submission->memory);
    vs_arena_free(submission->arena);
    vs_heap_free(submission);
}
