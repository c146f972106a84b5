#include "tests/support/relay_fixture.h"
#include "formats/container/asic.h"
#include "formats/formats.h"
#include "relay/centre/centre.h"
#include "relay/check.h"
#include "relay/due.h"
#include "relay/evidence.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)256 << 20)

static void must(vs_rc rc, const struct vs_error *err, const char *what)
{
    if (vs_ok(rc))
        return;
    fprintf(stderr, "fixture: %s: %s (%s)\n", what, err->text, vs_code_info(rc.code)->name);
    abort();
}

/* -- jobs ---------------------------------------------------------------------------------- */

static void job_done(struct vs_job *job)
{
    job->next = job; /* a mark: it ended */
}

vs_rc relay_fixture_job(struct relay_fixture *fixture,
                        vs_rc (*run)(struct vs_relay *, struct vs_job *, vs_time_ms,
                                     struct vs_error *),
                        void *context, struct vs_error *err)
{
    struct vs_job *job = vs_arena_make(fixture->arena, struct vs_job);
    *job = (struct vs_job){
        .arena = fixture->arena, .run = run, .done = job_done, .context = context};
    VS_TRY(vs_relay_submit_job(fixture->relay, job, err));
    vs_relay_run_until_idle(fixture->relay);
    VS_ASSERT(job->next == job);
    *err = job->error;
    return job->rc;
}

static vs_rc add_participant(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                             struct vs_error *err)
{
    return vs_participant_add_stage(relay, job, now, job->context, err);
}

static void participant(struct relay_fixture *fixture, const char *identifier, const char *name,
                        unsigned roles, struct vs_caller *ret)
{
    struct vs_error err;
    struct vs_participant p = {.identifiers = {identifier},
                               .n_identifiers = 1,
                               .name = name,
                               .contract = "2026/1",
                               .contract_from = VS_TIME_NONE,
                               .contract_until = VS_TIME_NONE};
    must(relay_fixture_job(fixture, add_participant, &p, &err), &err, "participant");
    *ret = (struct vs_caller){.participant = p.id, .roles = roles};
    ret->principal = vs_id_new(&fixture->world.seams, fixture->world.now_ms);
    snprintf(ret->identifier, sizeof ret->identifier, "%s", identifier);
    snprintf(ret->name, sizeof ret->name, "%s, mühasib", name);
}

/* -- the holder ---------------------------------------------------------------------------- */

static void issue_holder(struct relay_fixture *fixture)
{
    struct vs_error err;
    struct vs_holder holder = {.kind = VS_HOLDER_PERSON,
                               .common_name = "Əli Quliyev",
                               .surname = "Quliyev",
                               .given_name = "Əli",
                               .organisation = "Alfa MMC",
                               .organisation_identifier = "voen:1234567891",
                               .person_identifier = "fin:7ABCDEF",
                               .passphrase = VS_BYTES_LITERAL("test")};
    struct vs_issued issued;
    struct vs_pkcs12 pkcs12;
    must(vs_centre_issue(vs_relay_centre(fixture->relay), fixture->arena, &holder, "test",
                         fixture->world.now_ms, &issued, &err),
         &err, "issue");
    must(vs_pkcs12_decode(fixture->arena, issued.pkcs12, holder.passphrase, &pkcs12, &err),
         &err, "pkcs12");
    struct vs_bytes chain[4] = {pkcs12.certificate};
    size_t n = 1;
    for (size_t i = 0; i < pkcs12.n_others && n < 4; i++)
        chain[n++] = pkcs12.others[i];
    fixture->signer.key = pkcs12.key;
    fixture->signer.certificate = pkcs12.certificate;
    must(vs_xades_signer_new(chain, n, vs_key_default_algorithm(pkcs12.key),
                             &fixture->signer.xades, &err),
         &err, "signer");
}

struct vs_bytes relay_fixture_container_and(struct relay_fixture *fixture, const char *text,
                                            const char *name, const char *media_type,
                                            struct vs_bytes second)
{
    struct vs_error err;
    struct vs_arena *arena = fixture->arena;
    struct vs_bytes content = vs_bytes_copy(arena, vs_bytes_text(text));
    struct vs_xades_object signed_[2] = {{.name = "məktub.txt", .media_type = "text/plain"},
                                         {.name = name, .media_type = media_type}};
    struct vs_asic_object objects[2] = {
        {.part = {.name = "məktub.txt", .bytes = content}, .media_type = "text/plain"},
        {.part = {.name = name, .bytes = second}, .media_type = media_type}};
    size_t n = second.len > 0 ? 2 : 1;
    for (size_t i = 0; i < n; i++)
        vs_digest_of(VS_SHA256, objects[i].part.bytes, &signed_[i].digest);
    struct vs_xades_options options = {
        .signing_time = fixture->world.now_ms, .objects = signed_, .n_objects = n};
    struct vs_zip_part proof = {.name = "META-INF/signatures0.xml"};
    proof.bytes = test_sign(&fixture->signer, arena, &options, VS_BYTES_NONE, NULL);
    struct vs_asic_options layout = {
        .kind = VS_ASIC_E, .objects = objects, .n_objects = n, .proofs = &proof, .n_proofs = 1};
    const struct vs_source *source;
    struct vs_bytes bytes;
    must(vs_asic_layout(arena, &layout, &source, &err), &err, "layout");
    must(vs_source_all(source, arena, ARENA_MAX, &bytes, &err), &err, "container");
    return bytes;
}

struct vs_bytes relay_fixture_container_with(struct relay_fixture *fixture, const char *text,
                                             struct vs_bytes requisites)
{
    return relay_fixture_container_and(fixture, text, "document.xml",
                                       "application/vnd.vasite.document+xml", requisites);
}

struct vs_bytes relay_fixture_container(struct relay_fixture *fixture, const char *text)
{
    return relay_fixture_container_with(fixture, text, VS_BYTES_NONE);
}

/* -- terms ----------------------------------------------------------------------------------
 */

static vs_rc run_agreement(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                           struct vs_error *err)
{
    return vs_agreement_add_stage(relay, job, now, job->context, err);
}

void relay_fixture_agree(struct relay_fixture *fixture, const struct vs_terms *terms)
{
    struct vs_error err;
    struct vs_agreement agreement = {
        .parties = {fixture->alfa.participant, fixture->beta.participant},
        .from = VS_TIME_NONE,
        .until = VS_TIME_NONE,
        .terms = *terms};
    must(relay_fixture_job(fixture, run_agreement, &agreement, &err), &err, "agreement");
}

void relay_fixture_pass(struct relay_fixture *fixture, int64_t ms)
{
    test_world_pass(&fixture->world, ms);
    vs_relay_run_until_idle(fixture->relay);
    while (vs_due_step(fixture->relay, fixture->world.now_ms))
        vs_relay_run_until_idle(fixture->relay);
}

size_t relay_fixture_evidence(struct relay_fixture *fixture, struct vs_id document,
                              const char *event)
{
    struct vs_error err;
    const struct vs_evidence **list;
    size_t n, found = 0;
    must(vs_evidence_list(fixture->relay, fixture->arena, &fixture->auditor, document, &list,
                          &n, &err),
         &err, "evidence");
    for (size_t i = 0; i < n; i++)
        found += strcmp(list[i]->event, event) == 0;
    return found;
}

void relay_fixture_check(struct relay_fixture *fixture)
{
    struct vs_error err;
    struct vs_check_result check;
    must(vs_check(fixture->relay, fixture->arena, NULL, NULL, &check, &err), &err, "check");
    if (check.n_findings > 0) {
        fprintf(stderr, "fixture: %s %s: %s\n", check.findings[0].what, check.findings[0].where,
                check.findings[0].text);
        abort();
    }
}

/* -- life ---------------------------------------------------------------------------------- */

void relay_fixture_init(struct relay_fixture *fixture, bool memory)
{
    struct vs_error err;
    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/vasite-relay-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        abort();
    snprintf(fixture->anchor, sizeof fixture->anchor, "%s/anchor", fixture->folder);
    must(vs_formats_init(&err), &err, "formats");
    test_world_init(&fixture->world);
    fixture->arena = vs_arena_new(ARENA_MAX);
    fixture->settings = vs_relay_settings_default();
    char *data = vs_arena_printf(fixture->arena, "%s/data", fixture->folder);
    fixture->settings.data = data;
    fixture->settings.anchor = fixture->anchor;
    fixture->settings.memory = memory;
    fixture->settings.service_identifier = "voen:9999999999";
    fixture->settings.disk_reserve = 0;
}

void relay_fixture_start(struct relay_fixture *fixture)
{
    struct vs_error err;
    must(vs_relay_open(&fixture->settings, &fixture->world.seams, &fixture->relay, &err), &err,
         "open");
    unsigned roles = VS_ROLE_SENDER | VS_ROLE_RECIPIENT;
    participant(fixture, "voen:1234567891", "Alfa MMC", roles, &fixture->alfa);
    participant(fixture, "voen:2345678912", "Beta ASC", roles, &fixture->beta);
    participant(fixture, "voen:3456789123", "Qamma MMC", roles, &fixture->gamma);
    fixture->auditor.roles = VS_ROLE_AUDITOR;
    issue_holder(fixture);
}

void relay_fixture_open(struct relay_fixture *fixture, bool memory)
{
    relay_fixture_init(fixture, memory);
    relay_fixture_start(fixture);
}

void relay_fixture_reopen(struct relay_fixture *fixture)
{
    struct vs_error err;
    VS_ASSERT(!fixture->settings.memory);
    vs_relay_close(fixture->relay);
    fixture->relay = NULL;
    must(vs_relay_open(&fixture->settings, &fixture->world.seams, &fixture->relay, &err), &err,
         "open again");
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

void relay_fixture_close(struct relay_fixture *fixture)
{
    vs_relay_close(fixture->relay);
    test_signer_done(&fixture->signer);
    vs_arena_free(fixture->arena);
    nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- sending ------------------------------------------------------------------------------- */

static void submission_done(struct vs_submission *submission, void *context)
{
    (void)submission;
    (void)context;
}

static vs_rc queue(struct relay_fixture *fixture, const struct vs_caller *caller,
                   struct vs_bytes bytes, const char *to, const char *key,
                   struct vs_submission **ret, struct vs_error *err)
{
    VS_TRY(vs_submission_begin(fixture->relay, caller, bytes.len, ret, err));
    struct vs_submit_parameters *parameters = vs_submission_parameters(*ret);
    const char **recipients = vs_arena_make_n(vs_submission_arena(*ret), const char *, 1);
    recipients[0] = to;
    parameters->recipients = recipients;
    parameters->n_recipients = to != NULL;
    parameters->idempotency_key = key;
    parameters->retention = fixture->retention;
    parameters->name = "məktub.asice";
    vs_rc rc = VS_OK;
    for (size_t at = 0; at < bytes.len && vs_ok(rc); at += 65536) {
        size_t len = bytes.len - at < 65536 ? bytes.len - at : 65536;
        rc = vs_submission_feed(*ret, VS_BYTES(bytes.ptr + at, len), err);
    }
    if (vs_ok(rc))
        rc = vs_submission_finish(*ret, submission_done, NULL, err);
    if (!vs_ok(rc)) {
        vs_submission_free(*ret);
        *ret = NULL;
    }
    return rc;
}

struct vs_submission *relay_fixture_queue(struct relay_fixture *fixture,
                                          const struct vs_caller *caller, struct vs_bytes bytes,
                                          const char *to, const char *key)
{
    struct vs_submission *submission;
    struct vs_error err;
    must(queue(fixture, caller, bytes, to, key, &submission, &err), &err, "queue");
    return submission;
}

vs_rc relay_fixture_send(struct relay_fixture *fixture, const struct vs_caller *caller,
                         struct vs_bytes bytes, const char *to, const char *key,
                         struct vs_receipt *ret, struct vs_error *err)
{
    struct vs_submission *submission;
    VS_TRY(queue(fixture, caller, bytes, to, key, &submission, err));
    vs_relay_run_until_idle(fixture->relay);
    const struct vs_receipt *receipt;
    vs_rc rc = vs_submission_result(submission, &receipt, err);
    if (vs_ok(rc)) {
        *ret = *receipt;
        ret->evidence_xml = vs_bytes_copy(fixture->arena, receipt->evidence_xml);
    }
    vs_submission_free(submission);
    return rc;
}

/* -- answering ----------------------------------------------------------------------------- */

struct answer {
    const struct vs_caller *caller;
    struct vs_id document;
    struct vs_acknowledgement acknowledgement;
    struct vs_acknowledged *ret;
};

static vs_rc run_answer(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct answer *self = job->context;
    return vs_acknowledge_stage(relay, job, self->caller, self->document,
                                &self->acknowledgement, now, self->ret, err);
}

vs_rc relay_fixture_answer(struct relay_fixture *fixture, const struct vs_caller *caller,
                           struct vs_id document, const char *reason,
                           struct vs_acknowledged *ret, struct vs_error *err)
{
    struct answer self = {
        caller, document, {.conforms = reason == NULL, .reason = reason}, ret};
    return relay_fixture_job(fixture, run_answer, &self, err);
}
