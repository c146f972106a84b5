/* Ten simulated years of the whole relay, from a seed, with every invariant looked at after
 * each step (tests/support/simulation.h, oracle.h).
 *
 *   fault.ten_years                        two seeds, then planted bugs that must be noticed
 *   fault.ten_years SEED [COUNT [STEPS]]   these seeds; a failing one names seed and step
 *
 * VASITE_KEEP keeps the data of a seed that failed. `tests/run simulation` runs 200 seeds. */
#include "relay/exchange/acknowledge.h"
#include "relay/archive/hold.h"
#include "relay/exchange/agreements.h"
#include "relay/exchange/consent.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/notice.h"
#include "relay/exchange/push.h"
#include "relay/centre/centre.h"
#include "relay/relay_priv.h"
#include "tests/support/oracle.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { YEARS_DAYS = 3640, PARTIES = 5, MOST_DAYS_WAITING = 3 };
/* Shorter than what witnessed time takes over after a crash (relay/archive/retention.h). */
#define SLICE_MS (2 * VS_DAY_MS)
#define BEGIN    (VS_PKI_EPOCH + 5 * VS_DAY_MS)
/* Ten years; the issuing authority of the embedded centre lasts 3650 days. */
#define END (BEGIN + YEARS_DAYS * VS_DAY_MS)

struct world {
    struct sim sim;
    struct oracle oracle;
    struct sim_holder holders[PARTIES];
    unsigned steps;
    unsigned keys;
    struct oracle_document *pending; /* sent with a key, no answer yet */
    struct oracle_document *sending;
    uint64_t pushes, sent, refused, answered, downloads, unknown, replays, closed;
};

/* -- population ---------------------------------------------------------------------------- */

static const struct {
    const char *identifier, *name;
} people[PARTIES] = {{"voen:1234567891", "Alfa MMC"},
                     {"voen:2345678912", "Beta ASC"},
                     {"voen:3456789123", "Qamma MMC"},
                     {"voen:4567891234", "Delta QSC"},
                     {"fin:7ABCDEF", "Əli Quliyev"}};

/* Who agreed on what; others have the law's terms: a signed ASiC-E into the mailbox. */
static const struct pact {
    unsigned a, b, months;
    int64_t term_ms; /* for the acknowledgement; 0: none */
    int marks;
    bool any, waived, consent, endpoint, remind, automatic;
} pacts[] = {
    {0, 1, 6, 5 * VS_DAY_MS, VS_MARKS_BATCH, .any = true, .remind = true},
    {1, 2, 13, 0, VS_MARKS_DOCUMENT, .any = true, .waived = true},
    {2, 3, 6, 9 * VS_DAY_MS, VS_MARKS_BATCH, .any = true, .consent = true},
    {3, 4, 60, 0, VS_MARKS_BATCH, .any = true, .waived = true, .endpoint = true},
    {0, 4, 6, 4 * VS_DAY_MS, VS_MARKS_DOCUMENT, .any = true, .endpoint = true, .remind = true},
    {1, 3, 6, 2 * VS_DAY_MS, VS_MARKS_BATCH, .any = true, .automatic = true},
    {1, 4, 6, 0, VS_MARKS_BATCH, .any = true, .consent = true, .endpoint = true}};
enum { PACTS = sizeof pacts / sizeof *pacts };

static const struct pact *pact_of(unsigned a, unsigned b)
{
    for (size_t i = 0; i < PACTS; i++)
        if ((pacts[i].a == a && pacts[i].b == b) || (pacts[i].a == b && pacts[i].b == a))
            return &pacts[i];
    return NULL;
}

static vs_rc add_participant(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                             struct vs_error *err)
{
    return vs_participant_add_stage(relay, job, now, job->context, err);
}

static vs_rc add_agreement(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                           struct vs_error *err)
{
    return vs_agreement_add_stage(relay, job, now, job->context, err);
}

static void must_do(struct world *w, enum sim_result result, const struct vs_error *err)
{
    if (result != SIM_DONE)
        sim_violation(&w->sim, "%s", err->text);
}

static void add_people(struct world *w)
{
    struct vs_error err;
    for (unsigned i = 0; i < PARTIES; i++) {
        struct vs_participant p = {
            .identifiers = {people[i].identifier},
            .n_identifiers = 1,
            .name = people[i].name,
            .endpoint = vs_arena_printf(w->oracle.arena, "https://party%u.example/in", i),
            .contract = "2026/1",
            .contract_from = VS_TIME_NONE,
            .contract_until = VS_TIME_NONE};
        must_do(w, sim_job(&w->sim, w->oracle.arena, add_participant, &p, &err), &err);
        struct vs_caller *caller = &w->oracle.parties[i].caller;
        *caller = (struct vs_caller){.participant = p.id,
                                     .principal = vs_id_new(&w->sim.seams, w->sim.now),
                                     .roles = VS_ROLE_SENDER | VS_ROLE_RECIPIENT};
        snprintf(caller->identifier, sizeof caller->identifier, "%s", people[i].identifier);
        snprintf(caller->name, sizeof caller->name, "%s", people[i].name);
        w->oracle.n_parties++;
    }
    for (size_t i = 0; i < PACTS; i++) {
        struct vs_agreement a = {.parties = {w->oracle.parties[pacts[i].a].caller.participant,
                                             w->oracle.parties[pacts[i].b].caller.participant},
                                 .from = VS_TIME_NONE,
                                 .until = VS_TIME_NONE,
                                 .terms = vs_terms_law()};
        a.terms.forms = VS_TAKES_ANY | VS_TAKES_ASIC_E;
        a.terms.signature_class = VS_ASKS_NONE;
        a.terms.signature_level = 0;
        a.terms.acknowledgement = !pacts[i].waived;
        a.terms.marks = pacts[i].marks;
        a.terms.retention_months = pacts[i].months;
        a.terms.acknowledgement_term_ms = pacts[i].term_ms;
        a.terms.remind = pacts[i].remind;
        a.terms.consent = pacts[i].consent;
        a.terms.automatic_acknowledgement = pacts[i].automatic;
        a.terms.receipt_at = pacts[i].endpoint ? VS_RECEIPT_ENDPOINT : VS_RECEIPT_MAILBOX;
        must_do(w, sim_job(&w->sim, w->oracle.arena, add_agreement, &a, &err), &err);
    }
}

/* -- submitting ---------------------------------------------------------------------------- */

static void submission_done(struct vs_submission *submission, void *context)
{
    (void)submission;
    *(bool *)context = true;
}

struct sending {
    struct oracle_document *document;
    const char *to[ORACLE_RECIPIENTS];
    bool answered;
    vs_rc rc;
    struct vs_error err;
    struct vs_receipt receipt;
};

/* As far as the queue. */
static vs_rc feed(struct world *w, struct sending *s, struct vs_submission **ret)
{
    struct oracle_document *d = s->document;
    const struct vs_caller *caller = &w->oracle.parties[d->sender].caller;
    VS_TRY(vs_submission_begin(w->sim.relay, caller, d->bytes.len, ret, &s->err));
    struct vs_submit_parameters *p = vs_submission_parameters(*ret);
    for (unsigned i = 0; i < d->n; i++)
        s->to[i] = people[d->to[i].party].identifier;
    p->recipients = s->to;
    p->n_recipients = d->n;
    p->name = "sənəd.asice";
    p->retention =
        d->months <= 6 ? NULL : vs_arena_printf(w->sim.scratch, "months-%u", d->months);
    p->idempotency_key = d->key[0] == '\0' ? NULL : d->key;
    vs_rc rc = vs_submission_feed(*ret, d->bytes, &s->err);
    d->fed = w->sim.now;
    if (vs_ok(rc))
        rc = vs_submission_finish(*ret, submission_done, &s->answered, &s->err);
    if (!vs_ok(rc))
        vs_submission_free(*ret);
    return rc;
}

static enum sim_result send(struct world *w, struct sending *s)
{
    struct vs_submission *submission;
    const struct vs_receipt *receipt;
    s->rc = feed(w, s, &submission);
    if (!vs_ok(s->rc))
        return SIM_FAILED;
    w->sending = s->document;
    bool lived = sim_drive(&w->sim);
    w->sending = NULL;
    if (!s->answered) {
        sim_violation(&w->sim, "a submission was never answered");
        return SIM_UNKNOWN;
    }
    s->rc = vs_submission_result(submission, &receipt, &s->err);
    if (vs_ok(s->rc))
        s->receipt = *receipt;
    vs_submission_free(submission);
    if (vs_ok(s->rc))
        return SIM_DONE;
    return !lived && s->rc.code == VS_E_STOPPING ? SIM_UNKNOWN : SIM_FAILED;
}

/* Only what is away may close the intake. */
static void may_be_closed(struct world *w, const struct sending *s)
{
    w->closed++;
    if (s->rc.code != VS_E_TSA_AWAY ||
        w->sim.now > w->sim.network.last_failure + MOST_DAYS_WAITING * VS_DAY_MS)
        sim_violation(&w->sim, "a document is not taken: %s", s->err.text);
}

/* Terms run from the sending. */
static void set_deadlines(struct sending *s)
{
    struct oracle_document *d = s->document;
    for (unsigned i = 0; i < d->n; i++)
        d->to[i].deadline =
            d->to[i].deadline == 0 ? VS_TIME_NONE : s->receipt.sent + d->to[i].deadline;
}

static void take_receipt(struct world *w, struct sending *s, bool good)
{
    if (s->receipt.accepted != good)
        sim_violation(&w->sim, "it was %s: %s", good ? "refused" : "accepted",
                      s->receipt.accepted ? "" : s->receipt.refusal.text);
    if (s->receipt.replayed)
        sim_violation(&w->sim, "a new document is taken for an old one");
    w->sent++;
    w->refused += !s->receipt.accepted;
    set_deadlines(s);
    oracle_receipt(&w->oracle, s->document, &s->receipt);
}

/* A new draft to one to three others, whose agreements take what it is. */
static struct oracle_document *draft(struct world *w, bool *good)
{
    struct sim_random *chance = &w->sim.chance;
    unsigned sender = (unsigned)sim_below(chance, PARTIES);
    unsigned to[ORACLE_RECIPIENTS], n = 0, wanted = sim_once_in(chance, 4) ? 3 : 1;
    bool any = true;
    for (unsigned tries = 0; tries < 8 && n < wanted; tries++) {
        unsigned party = (unsigned)sim_below(chance, PARTIES);
        bool again = party == sender;
        for (unsigned i = 0; i < n; i++)
            again |= to[i] == party;
        if (again)
            continue;
        any &= pact_of(sender, party) != NULL && pact_of(sender, party)->any;
        to[n++] = party;
    }
    if (n == 0)
        return NULL;
    char *text = vs_arena_printf(w->sim.scratch, "Sənəd %zu, toxum %llu", w->oracle.n_documents,
                                 (unsigned long long)w->sim.seed);
    struct sim_holder *holder = &w->holders[sender];
    struct vs_bytes bytes = vs_bytes_text(text);
    *good = true;
    bool signed_one = !any || sim_once_in(chance, 6);
    if (signed_one) {
        if (holder->signer.key == NULL || holder->until < w->sim.now + VS_DAY_MS)
            sim_holder_issue(&w->sim, people[sender].name,
                             sender == 4 ? NULL : people[sender].identifier,
                             1 + (int64_t)sim_below(chance, 1800), holder);
        *good = !sim_once_in(chance, 8) || any;
        bytes = sim_container(&w->sim, w->sim.scratch, holder, text, !*good);
    }
    struct oracle_document *d = oracle_draft(&w->oracle, sender, bytes);
    d->n = n;
    d->months = sim_once_in(chance, 6) ? 7 + (unsigned)sim_below(chance, 20) : 6;
    for (unsigned i = 0; i < n; i++) {
        static const struct pact law = {.months = 6};
        const struct pact *pact =
            pact_of(sender, to[i]) == NULL ? &law : pact_of(sender, to[i]);
        d->to[i] = (struct oracle_delivery){.party = to[i],
                                            .acknowledgement = !pact->waived,
                                            .endpoint = pact->endpoint,
                                            .consent = pact->consent,
                                            .remind = pact->remind,
                                            .automatic = pact->automatic,
                                            .deadline = pact->term_ms, /* from its sending */
                                            .asked = VS_TIME_NONE,
                                            .reminded = VS_TIME_NONE,
                                            .answered = VS_TIME_NONE,
                                            .taken = VS_TIME_NONE,
                                            .refused_for_good = VS_TIME_NONE};
        if (pact->months > d->months)
            d->months = pact->months;
    }
    d->passed = signed_one;
    return d;
}

static struct oracle_document *submit(struct world *w)
{
    bool good;
    struct sending s = {.document = draft(w, &good)};
    if (s.document == NULL)
        return NULL;
    w->sim.doing = "submit";
    snprintf(s.document->key, sizeof s.document->key, "açar-%u", w->keys++);
    switch (send(w, &s)) {
    case SIM_FAILED:
        may_be_closed(w, &s);
        return NULL;
    case SIM_UNKNOWN:
        w->unknown++;
        w->pending = s.document;
        return NULL;
    case SIM_DONE:
        take_receipt(w, &s, good);
        return w->sim.over ? NULL : s.document;
    }
    return NULL;
}

/* The same key settles what the process that died did (2). */
static void settle_pending(struct world *w)
{
    struct sending s = {.document = w->pending};
    if (w->pending == NULL || w->sim.relay == NULL)
        return;
    w->sim.doing = "send again after a crash";
    vs_time_ms fed = w->pending->fed;
    enum sim_result result = send(w, &s);
    w->pending->fed = fed;
    if (result == SIM_UNKNOWN)
        return;
    if (result == SIM_FAILED) {
        may_be_closed(w, &s); /* it stays unknown */
        return;
    }
    w->replays += s.receipt.replayed;
    w->pending = NULL;
    w->sent++;
    w->refused += !s.receipt.accepted;
    set_deadlines(&s);
    oracle_receipt(&w->oracle, s.document, &s.receipt);
}

/* -- what parties do with what they have --------------------------------------------------- */

static struct oracle_document *any_document(struct world *w)
{
    if (w->oracle.n_documents == 0)
        return NULL;
    /* Mostly one of the newest. */
    size_t n = w->oracle.n_documents;
    size_t back = sim_once_in(&w->sim.chance, 8) ? sim_below(&w->sim.chance, n)
                                                 : sim_below(&w->sim.chance, n < 20 ? n : 20);
    struct oracle_document *d = &w->oracle.documents[n - 1 - back];
    /* Not one that may be leaving in this moment. */
    return d->accepted && !d->held && !d->gone && w->sim.now < oracle_term(d) ? d : NULL;
}

struct handover {
    const struct vs_caller *caller;
    struct vs_id document;
};

static vs_rc run_handover(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                          struct vs_error *err)
{
    struct handover *self = job->context;
    return vs_handover_stage(relay, job, self->caller, self->document, now, err);
}

static struct oracle_document *download(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    if (d == NULL)
        return NULL;
    w->sim.doing = "download";
    struct oracle_delivery *to = &d->to[sim_below(&w->sim.chance, d->n)];
    struct handover context = {&w->oracle.parties[to->party].caller, d->id};
    if (!oracle_open(d, to)) {
        struct vs_content_view view = {0};
        if (vs_ok(vs_content_open(w->sim.relay, w->sim.scratch, context.caller, d->id,
                                  VS_CONTENT_ORIGINAL, &view, &err)))
            sim_violation(&w->sim, "it reads what was not handed over");
        vs_content_close(&view);
        return d;
    }
    switch (sim_job(&w->sim, w->sim.scratch, run_handover, &context, &err)) {
    case SIM_DONE:
        to->downloaded = true;
        w->downloads++;
        break;
    case SIM_UNKNOWN:
        to->maybe_downloaded = true;
        break;
    case SIM_FAILED:
        sim_violation(&w->sim, "a download is not taken note of: %s", err.text);
    }
    return d;
}

struct answering {
    const struct vs_caller *caller;
    struct vs_id document;
    struct vs_acknowledgement answer;
    struct vs_acknowledged result;
};

static vs_rc run_answer(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct answering *self = job->context;
    return vs_acknowledge_stage(relay, job, self->caller, self->document, &self->answer, now,
                                &self->result, err);
}

static struct oracle_document *answer(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    if (d == NULL)
        return NULL;
    w->sim.doing = "answer";
    struct oracle_delivery *to = &d->to[sim_below(&w->sim.chance, d->n)];
    enum oracle_answer wanted = sim_once_in(&w->sim.chance, 5) ? REFUSES : CONFORMS;
    struct answering a = {.caller = &w->oracle.parties[to->party].caller,
                          .document = d->id,
                          .answer = {.conforms = wanted == CONFORMS,
                                     .reason = wanted == CONFORMS ? NULL : "imza oxunmur"}};
    bool opposite = to->answer != NOT_ANSWERED && to->answer != wanted;
    bool closed = !oracle_open(d, to);
    switch (sim_job(&w->sim, w->sim.scratch, run_answer, &a, &err)) {
    case SIM_DONE:
        if (closed)
            sim_violation(&w->sim, "27.4: an answer to what was not handed over");
        if (opposite)
            sim_violation(&w->sim, "27.4: an answer was turned into its opposite");
        if (a.result.repeated != (to->answer == wanted))
            sim_violation(&w->sim, "27.4: an answer is %s taken for a repeated one",
                          a.result.repeated ? "wrongly" : "not");
        if (to->answer == NOT_ANSWERED)
            to->answered = a.result.time;
        to->answer = wanted;
        w->answered++;
        break;
    case SIM_UNKNOWN:
        to->maybe_answer = to->answer == NOT_ANSWERED && !closed ? wanted : NOT_ANSWERED;
        break;
    case SIM_FAILED:
        if (!closed && (!opposite || err.code != VS_E_STATE))
            sim_violation(&w->sim, "an answer is not taken: %s", err.text);
    }
    return d;
}

struct consenting {
    const struct vs_caller *caller;
    struct vs_id document;
    struct vs_consent answer;
    struct vs_consented result;
};

static vs_rc run_consent(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct consenting *self = job->context;
    return vs_consent_stage(relay, job, self->caller, self->document, &self->answer, now,
                            &self->result, err);
}

/* One that is asked, sometimes one that is not. */
static struct oracle_document *consent(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    if (d == NULL)
        return NULL;
    struct oracle_delivery *to = &d->to[sim_below(&w->sim.chance, d->n)];
    for (unsigned i = 0; i < d->n; i++)
        if (d->to[i].consent)
            to = &d->to[i];
    if (!to->consent && !sim_once_in(&w->sim.chance, 8))
        return NULL;
    w->sim.doing = "consent";
    enum oracle_answer wanted = sim_once_in(&w->sim.chance, 4) ? REFUSES : CONFORMS;
    struct consenting c = {.caller = &w->oracle.parties[to->party].caller,
                           .document = d->id,
                           .answer = {.accepts = wanted == CONFORMS}};
    bool late = to->asked == VS_TIME_NONE || w->sim.now > to->asked + 5 * VS_DAY_MS;
    bool may = to->consent && (to->consented == NOT_ANSWERED ? !late : to->consented == wanted);
    to->maybe_consented = may && to->consented == NOT_ANSWERED ? wanted : NOT_ANSWERED;
    switch (sim_job(&w->sim, w->sim.scratch, run_consent, &c, &err)) {
    case SIM_DONE:
        if (!may)
            sim_violation(&w->sim, "consent is taken that cannot be given");
        to->consented = wanted;
        break;
    case SIM_UNKNOWN:
        break;
    case SIM_FAILED:
        to->maybe_consented = NOT_ANSWERED;
        if (may)
            sim_violation(&w->sim, "consent is not taken: %s", err.text);
    }
    return d;
}

struct noticing {
    const struct vs_caller *caller;
    struct vs_id document;
    struct vs_noticed result;
};

static vs_rc run_notice(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct noticing *self = job->context;
    return vs_notice_stage(relay, job, self->caller, self->document, "biz göndərməmişik", now,
                           &self->result, err);
}

static struct oracle_document *notice(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    if (d == NULL)
        return NULL;
    w->sim.doing = "notice of non-sending";
    struct noticing n = {.caller = &w->oracle.parties[d->sender].caller, .document = d->id};
    switch (sim_job(&w->sim, w->sim.scratch, run_notice, &n, &err)) {
    case SIM_DONE:
        if (n.result.repeated != d->notice)
            sim_violation(&w->sim, "27.3.1: a notice is wrongly taken for another");
        d->notice = true;
        break;
    case SIM_UNKNOWN:
        d->maybe_notice = true;
        break;
    case SIM_FAILED:
        sim_violation(&w->sim, "27.3.1: a notice is not taken: %s", err.text);
    }
    return d;
}

struct holding {
    struct vs_caller caller;
    struct vs_id document;
    bool hold;
    struct vs_deed result;
};

static vs_rc run_hold(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                      struct vs_error *err)
{
    struct holding *self = job->context;
    return vs_hold_stage(relay, job, &self->caller, self->document, self->hold, "məhkəmə", now,
                         &self->result, err);
}

/* The supervising authority sets and lifts legal holds. */
static struct oracle_document *hold(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    for (size_t i = 0; i < w->oracle.n_documents && sim_once_in(&w->sim.chance, 2); i++)
        if (w->oracle.documents[i].legal_hold)
            d = &w->oracle.documents[i];
    if (d == NULL)
        return NULL;
    w->sim.doing = "legal hold";
    struct holding h = {.caller = w->oracle.auditor, .document = d->id, .hold = !d->legal_hold};
    d->holds++;
    if (sim_job(&w->sim, w->sim.scratch, run_hold, &h, &err) == SIM_FAILED)
        sim_violation(&w->sim, "a legal hold is not taken: %s", err.text);
    return d;
}

/* The same bytes to the same recipients with another key: held (27.3.3). */
static struct oracle_document *send_once_more(struct world *w)
{
    struct oracle_document *old = any_document(w);
    if (old == NULL || old->fed < w->sim.now - 20 * VS_DAY_MS)
        return NULL;
    struct sending s = {.document = oracle_draft(&w->oracle, old->sender, old->bytes)};
    struct oracle_document *d = s.document;
    d->n = old->n;
    d->months = old->months;
    d->passed = old->passed;
    for (unsigned i = 0; i < d->n; i++) {
        const struct oracle_delivery *to = &old->to[i];
        if (to->deadline != VS_TIME_NONE || to->automatic)
            return NULL;
        d->to[i] = (struct oracle_delivery){.party = to->party,
                                            .acknowledgement = to->acknowledgement,
                                            .endpoint = to->endpoint,
                                            .consent = to->consent,
                                            .asked = VS_TIME_NONE,
                                            .reminded = VS_TIME_NONE,
                                            .answered = VS_TIME_NONE,
                                            .taken = VS_TIME_NONE,
                                            .refused_for_good = VS_TIME_NONE};
    }
    w->sim.doing = "send once more";
    snprintf(d->key, sizeof d->key, "açar-%u", w->keys++);
    enum sim_result result = send(w, &s);
    if (result == SIM_FAILED)
        may_be_closed(w, &s);
    if (result == SIM_UNKNOWN) {
        w->unknown++;
        w->pending = d;
    }
    if (result != SIM_DONE)
        return NULL;
    take_receipt(w, &s, true);
    return w->sim.over ? NULL : d;
}

struct confirming {
    const struct vs_caller *caller;
    struct vs_id document;
};

static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct confirming *self = job->context;
    return vs_repeat_confirm_stage(relay, job, self->caller, self->document, now, err);
}

static struct oracle_document *confirm(struct world *w)
{
    struct vs_error err;
    for (size_t i = w->oracle.n_documents; i-- > 0;) {
        struct oracle_document *d = &w->oracle.documents[i];
        if (!d->held || d->gone || w->sim.now >= oracle_term(d))
            continue;
        w->sim.doing = "confirm a repetition";
        struct confirming c = {&w->oracle.parties[d->sender].caller, d->id};
        bool crashes = w->sim.may_crash;
        w->sim.may_crash = false; /* what a crash leaves is seen elsewhere */
        d->held = false;
        if (sim_job(&w->sim, w->sim.scratch, run_confirm, &c, &err) != SIM_DONE)
            sim_violation(&w->sim, "27.3.3: a confirmation is not taken: %s", err.text);
        w->sim.may_crash = crashes;
        return d;
    }
    return NULL;
}

/* Somebody who has nothing to do with it answers and downloads. */
static struct oracle_document *intrude(struct world *w)
{
    struct oracle_document *d = any_document(w);
    struct vs_error err;
    unsigned party = (unsigned)sim_below(&w->sim.chance, PARTIES);
    if (d == NULL)
        return NULL;
    for (unsigned i = 0; i < d->n; i++)
        if (d->to[i].party == party)
            return NULL;
    w->sim.doing = "intrude";
    struct answering a = {.caller = &w->oracle.parties[party].caller,
                          .document = d->id,
                          .answer = {.conforms = true}};
    struct handover h = {a.caller, d->id};
    if (sim_job(&w->sim, w->sim.scratch, run_answer, &a, &err) == SIM_DONE)
        sim_violation(&w->sim, "a stranger's answer is taken");
    if (w->sim.relay != NULL &&
        sim_job(&w->sim, w->sim.scratch, run_handover, &h, &err) == SIM_DONE &&
        d->sender != party)
        sim_violation(&w->sim, "a stranger's download is taken");
    return d;
}

/* The same key once more: the same receipt; with other bytes: refused. */
static struct oracle_document *repeat(struct world *w)
{
    if (w->oracle.n_documents == 0 || w->oracle.n_documents == w->oracle.most_documents)
        return NULL;
    struct oracle_document *d =
        &w->oracle.documents[sim_below(&w->sim.chance, w->oracle.n_documents)];
    bool other = sim_once_in(&w->sim.chance, 3);
    if (d->gone || d->fed < w->sim.now - 30 * VS_DAY_MS)
        return NULL; /* keys are promised for some months */
    w->sim.doing = other ? "send other bytes with a used key" : "send again";
    struct oracle_document again = *d;
    if (other)
        again.bytes = VS_BYTES_LITERAL("something else");
    struct sending s = {.document = &again};
    switch (send(w, &s)) {
    case SIM_DONE:
        if (other || !s.receipt.replayed || !vs_id_equal(s.receipt.id, d->id))
            sim_violation(&w->sim, "the same key gives another receipt");
        w->replays++;
        break;
    case SIM_FAILED:
        if (s.rc.code == VS_E_TSA_AWAY)
            may_be_closed(w, &s);
        else if (!other)
            sim_violation(&w->sim, "the same key is refused: %s", s.err.text);
        break;
    case SIM_UNKNOWN:
        break;
    }
    return d;
}

/* -- endpoints ----------------------------------------------------------------------------- */

static const char *header_of(const struct vs_outgoing_request *request, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
        if (strncasecmp(request->headers[i], name, len) == 0 && request->headers[i][len] == ':')
            return request->headers[i] + len + 2;
    return "";
}

enum endpoint_manner { TAKES, IS_AWAY, IS_BROKEN, LOSES_ITS_ANSWER, REDIRECTS, IS_GONE };

/* By party and day: one that is away stays so for a while. */
static enum endpoint_manner manner_of(struct world *w, unsigned party)
{
    struct sim_random day = {.state = w->sim.seed * 1000 + party +
                                      7 * (uint64_t)(w->sim.now / (3 * VS_DAY_MS))};
    (void)sim_next(&day);
    if (!sim_once_in(&day, 3))
        return TAKES;
    enum endpoint_manner manner = IS_AWAY + (enum endpoint_manner)sim_below(&day, 5);
    return sim_once_in(&w->sim.fate, 4) ? TAKES : manner;
}

static void judge_push(struct world *w, struct oracle_document *d, struct oracle_delivery *to,
                       const struct vs_outgoing_request *request, struct vs_arena *arena)
{
    struct vs_error err;
    struct vs_bytes body = request->body;
    if (request->source != NULL &&
        !vs_ok(vs_source_all(request->source, arena, 1 << 20, &body, &err)))
        body = VS_BYTES_NONE;
    if (!vs_bytes_equal(body, d->bytes))
        sim_violation(&w->sim, "28.2: other bytes are pushed");
    if (d->held || !to->endpoint ||
        (to->consent && to->consented != CONFORMS && to->maybe_consented != CONFORMS))
        sim_violation(&w->sim, "28.2: it is pushed, and must not be");
    if (header_of(request, "Signature")[0] == '\0')
        sim_violation(&w->sim, "an unsigned request goes out");
    if (to->pushes == 0)
        return;
    if (to->taken != VS_TIME_NONE && to->settled)
        sim_violation(&w->sim, "28.2: it is pushed again, though it was taken");
}

/* The document that a request is about: named in a field, or in a notice's body. */
static struct oracle_document *subject_of(struct world *w,
                                          const struct vs_outgoing_request *request,
                                          const char *body)
{
    char text[33] = "";
    struct vs_id id;
    snprintf(text, sizeof text, "%.32s", header_of(request, "Vasite-Document-Id"));
    if (text[0] == '\0')
        (void)sscanf(body, "{\"document\":\"%32[0-9a-f]", text);
    struct oracle_document *d = vs_id_decode(text, &id) ? oracle_find(&w->oracle, id) : NULL;
    if (d == NULL) /* of a submission that has no receipt yet */
        d = w->sending != NULL ? w->sending : w->pending;
    return d;
}

static void note_push(struct world *w, struct oracle_document *d, struct oracle_delivery *to,
                      const struct vs_outgoing_request *request, struct vs_arena *arena,
                      enum endpoint_manner manner)
{
    judge_push(w, d, to, request, arena);
    if (to->pushes++ == 0)
        to->pushed = w->sim.now;
    if (manner == TAKES && to->taken == VS_TIME_NONE)
        to->taken = w->sim.now;
    if (manner == IS_GONE && to->refused_for_good == VS_TIME_NONE)
        to->refused_for_good = w->sim.now;
}

static vs_rc at_endpoint(void *context, struct vs_arena *arena,
                         const struct vs_outgoing_request *request,
                         struct vs_outgoing_answer *ret, struct vs_error *err)
{
    static const int statuses[] = {200, 0, 503, 0, 302, 410};
    struct world *w = context;
    unsigned party = PARTIES;
    if (sscanf(request->url, "https://party%u.example/in", &party) != 1 || party >= PARTIES)
        return vs_fail(err, VS_E_NETWORK, NULL, "there is no such host");
    w->pushes++;
    enum endpoint_manner manner = manner_of(w, party);
    const char *event = header_of(request, "Vasite-Event");
    const char *body =
        vs_arena_printf(arena, "%.*s", (int)request->body.len,
                        request->body.len == 0 ? "" : (const char *)request->body.ptr);
    struct oracle_document *d = subject_of(w, request, body);
    /* That it is asked has evidence of its own. */
    bool asks = strstr(body, "\"state\":\"asked\"") != NULL;
    for (unsigned i = 0; d != NULL && i < d->n; i++) {
        struct oracle_delivery *to = &d->to[i];
        if (to->party == party && vs_text_equal(event, "document"))
            note_push(w, d, to, request, arena, manner);
        if (to->party == party && vs_text_equal(event, "waiting") && !asks) {
            to->told |= manner == TAKES;
            to->notices++;
        }
    }
    *ret = (struct vs_outgoing_answer){.status = statuses[manner], .media_type = ""};
    if (manner == LOSES_ITS_ANSWER || manner == IS_AWAY)
        return vs_fail(err, VS_E_NETWORK, NULL, "party%u.example: no answer", party);
    return VS_OK;
}

/* -- ten years ----------------------------------------------------------------------------- */

static const struct action {
    unsigned weight;
    struct oracle_document *(*run)(struct world *w);
} actions[] = {{30, submit},  {20, download}, {25, answer}, {5, intrude},        {8, repeat},
               {12, consent}, {1, notice},    {2, hold},    {4, send_once_more}, {2, confirm}};

static struct oracle_document *act(struct world *w)
{
    unsigned total = 0, at = 0;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        total += actions[i].weight;
    unsigned chosen = (unsigned)sim_below(&w->sim.chance, total);
    while (chosen >= actions[at].weight)
        chosen -= actions[at++].weight;
    return actions[at].run(w);
}

/* Up again after a crash, maybe not at the first time. */
static void rise(struct world *w)
{
    while (w->sim.relay == NULL && !w->sim.over) {
        w->sim.doing = "start";
        oracle_crashed(&w->oracle);
        sim_pass(&w->sim, sim_about(&w->sim.fate, VS_HOUR_MS));
        sim_open(&w->sim);
        if (w->sim.relay != NULL && sim_drive(&w->sim))
            settle_pending(w);
    }
}

static int64_t gap(struct world *w, int64_t mean)
{
    static const int64_t hundredths[] = {1, 10, 90, 300};
    int64_t left = END - w->sim.now;
    int64_t ms =
        sim_about(&w->sim.chance, mean * hundredths[sim_below(&w->sim.chance, 4)] / 100);
    return ms < left ? ms : left;
}

/* Not all at once: the service runs meanwhile. */
static void let_pass(struct world *w, int64_t ms)
{
    struct sim *sim = &w->sim;
    for (int64_t slice; ms > 0 && !sim->over; ms -= slice) {
        slice = ms < SLICE_MS ? ms : SLICE_MS;
        sim->doing = "time passes";
        sim_pass(sim, slice);
        sim_drive(sim);
        rise(w);
        if (!sim->over && w->pending == NULL)
            oracle_learn(&w->oracle);
        vs_arena_reset(sim->scratch);
    }
}

static void one_step(struct world *w, int64_t mean)
{
    struct sim *sim = &w->sim;
    sim->step++;
    let_pass(w, gap(w, mean));
    sim->may_crash = sim_once_in(&sim->fate, 10);
    struct oracle_document *touched = sim->over ? NULL : act(w);
    rise(w);
    if (sim->over)
        return;
    if (w->pending != NULL) { /* until it is settled nobody can say what there ought to be */
        settle_pending(w);
        rise(w);
    }
    sim->may_crash = false;
    if (sim->over || w->pending != NULL)
        return;
    oracle_step(&w->oracle, touched);
}

static void restart(struct world *w)
{
    sim_crash(&w->sim);
    rise(w);
}

static void begin(struct world *w, uint64_t seed, unsigned steps)
{
    memset(w, 0, sizeof *w);
    w->steps = steps;
    sim_init(&w->sim, seed, BEGIN);
    oracle_init(&w->oracle, &w->sim, steps + 1);
    w->sim.network.endpoint = at_endpoint;
    w->sim.network.endpoint_context = w;
    w->sim.settings.push_first_ms = 10 * VS_MINUTE_MS;
    w->sim.settings.push_factor = 3;
    w->sim.settings.push_cap_ms = 12 * VS_HOUR_MS;
    sim_open(&w->sim);
    w->sim.doing = "begin";
    w->sim.crash_once_in = 25;
    if (!w->sim.over)
        add_people(w);
}

static void live(struct world *w)
{
    vs_time_ms year = 365 * VS_DAY_MS;
    int64_t mean = YEARS_DAYS * VS_DAY_MS / w->steps;
    vs_time_ms next_sweep = BEGIN + year, next_check = BEGIN + 3 * year;
    while (!w->sim.over && w->sim.now < END && w->oracle.n_documents < w->steps) {
        one_step(w, mean);
        if (w->sim.over || w->sim.now < next_sweep || w->pending != NULL)
            continue;
        next_sweep += year;
        w->sim.doing = "sweep";
        restart(w);
        if (!w->sim.over && w->pending == NULL)
            oracle_sweep(&w->oracle, w->sim.now > next_check);
        if (w->sim.now > next_check)
            next_check += 4 * year;
    }
    if (!w->sim.over && w->pending == NULL)
        oracle_sweep(&w->oracle, true);
}

static void end(struct world *w)
{
    for (unsigned i = 0; i < PARTIES; i++)
        sim_holder_done(&w->holders[i]);
    oracle_done(&w->oracle);
    sim_done(&w->sim);
}

static bool run_seed(uint64_t seed, unsigned steps, bool loud)
{
    static struct world w;
    begin(&w, seed, steps);
    live(&w);
    bool good = !w.sim.over;
    if (!good)
        printf("VIOLATION %s\n  again: fault.ten_years %llu 1 %u\n", w.sim.violation,
               (unsigned long long)seed, steps);
    if (loud)
        printf("seed %llu: %u steps, %llu steps of relay, %llu sent (%llu refused, %llu "
               "repeated), %llu pushes, %llu downloads, %llu answers, %llu crashes, %llu "
               "starts, %llu times "
               "closed, %llu marks from outside, %llu not, journal %llu; %llu looks, %llu "
               "contents, %llu strangers, %llu gone, %llu records, %llu proofs, "
               "%llu sweeps\n",
               (unsigned long long)seed, w.sim.step, (unsigned long long)w.sim.relay_steps,
               (unsigned long long)w.sent, (unsigned long long)w.refused,
               (unsigned long long)w.replays, (unsigned long long)w.pushes,
               (unsigned long long)w.downloads, (unsigned long long)w.answered,
               (unsigned long long)w.sim.crashes, (unsigned long long)w.sim.restarts,
               (unsigned long long)w.closed, (unsigned long long)w.sim.network.answers,
               (unsigned long long)w.sim.network.failures,
               (unsigned long long)w.oracle.n_leaves, (unsigned long long)w.oracle.looks,
               (unsigned long long)w.oracle.contents, (unsigned long long)w.oracle.strangers,
               (unsigned long long)w.oracle.gone, (unsigned long long)w.oracle.records,
               (unsigned long long)w.oracle.proofs, (unsigned long long)w.oracle.sweeps);
    fflush(stdout);
    end(&w);
    return good;
}

/* -- planted bugs -------------------------------------------------------------------------- */

/* What a bug of relay would have done, done to its rows; false: not now. */
typedef bool plant(struct world *w);

static bool change_rows(struct world *w, struct vs_op op)
{
    struct vs_error err;
    struct vs_item item = {.ops = &op, .n_ops = 1};
    return vs_ok(vs_store_commit(w->sim.relay->store, &item, 1, &err)) &&
           item.outcome == VS_ITEM_DONE;
}

/* The newest that fits, and its delivery. */
static struct oracle_document *accepted_one(struct world *w, enum oracle_answer answer,
                                            struct oracle_delivery **ret_to)
{
    for (size_t i = w->oracle.n_documents; i-- > 0;) {
        struct oracle_document *d = &w->oracle.documents[i];
        for (unsigned k = 0; k < d->n && d->accepted; k++) {
            *ret_to = &d->to[k];
            if (d->to[k].answer == answer && !d->gone && w->sim.now < oracle_term(d))
                return d;
        }
    }
    return NULL;
}

static bool plant_lost_document(struct world *w)
{
    struct oracle_delivery *to;
    struct oracle_document *d = accepted_one(w, NOT_ANSWERED, &to);
    struct vs_value key = d == NULL ? vs_null() : vs_id_value(&d->id);
    return d != NULL && change_rows(w, vs_op_delete(VS_T_DOCUMENT, &key, VS_ANY_VERSION));
}

static bool plant_lost_evidence(struct world *w)
{
    struct oracle_delivery *to;
    struct oracle_document *d = accepted_one(w, CONFORMS, &to);
    if (d == NULL || d->n_evidence < 3)
        return false;
    struct vs_value key = vs_id_value(&d->evidence[2].id);
    return change_rows(w, vs_op_delete(VS_T_EVIDENCE, &key, VS_ANY_VERSION));
}

/* Two documents change places on the disk. */
static bool plant_other_bytes(struct world *w)
{
    struct vs_error err;
    struct oracle_delivery *to;
    const struct vs_row *row;
    struct oracle_document *d = accepted_one(w, NOT_ANSWERED, &to),
                           *other = accepted_one(w, CONFORMS, &to);
    if (d == NULL || other == NULL)
        return false;
    struct vs_value from = vs_id_value(&other->id), values[VS_DOCUMENT_COLUMNS];
    if (!vs_ok(vs_store_get(w->sim.relay->store, w->sim.scratch, VS_T_DOCUMENT, &from, &row,
                            &err)))
        return false;
    memcpy(values, row->values, sizeof values);
    values[VS_DOCUMENT_ID] = vs_id_value(&d->id);
    return change_rows(
        w, vs_op_update(VS_T_DOCUMENT, values, VS_SET(VS_DOCUMENT_ORIGINAL), VS_ANY_VERSION));
}

/* The refusal is forgotten and taken again. */
static bool plant_second_terminal(struct world *w)
{
    struct oracle_delivery *to;
    struct oracle_document *d = accepted_one(w, REFUSES, &to);
    struct vs_error err;
    if (d == NULL)
        return false;
    const struct vs_caller *caller = &w->oracle.parties[to->party].caller;
    struct vs_value row[VS_DELIVERY_COLUMNS] = {{0}};
    row[VS_DELIVERY_DOCUMENT] = vs_id_value(&d->id);
    row[VS_DELIVERY_RECIPIENT] = vs_id_value(&caller->participant);
    row[VS_DELIVERY_STATE] = vs_int(VS_DELIVERY_AVAILABLE);
    struct answering a = {
        .caller = caller, .document = d->id, .answer = {.conforms = false, .reason = "yenə"}};
    return change_rows(w, vs_op_update(VS_T_DELIVERY, row,
                                       VS_SET(VS_DELIVERY_STATE) | VS_SET(VS_DELIVERY_ANSWER) |
                                           VS_SET(VS_DELIVERY_ACKNOWLEDGED_AT),
                                       VS_ANY_VERSION)) &&
           sim_job(&w->sim, w->sim.scratch, run_answer, &a, &err) == SIM_DONE;
}

/* A delivery to somebody to whom it was not sent. */
static bool plant_stranger(struct world *w)
{
    struct vs_error err;
    struct oracle_delivery *to;
    const struct vs_row *row;
    unsigned stranger = 0;
    struct oracle_document *d = accepted_one(w, CONFORMS, &to);
    if (d == NULL || d->n != 1)
        return false;
    while (stranger == d->sender || stranger == to->party)
        stranger++;
    struct vs_value key[2] = {vs_id_value(&d->id),
                              vs_id_value(&w->oracle.parties[to->party].caller.participant)};
    struct vs_value values[VS_DELIVERY_COLUMNS];
    if (!vs_ok(
            vs_store_get(w->sim.relay->store, w->sim.scratch, VS_T_DELIVERY, key, &row, &err)))
        return false;
    memcpy(values, row->values, sizeof values);
    values[VS_DELIVERY_RECIPIENT] =
        vs_id_value(&w->oracle.parties[stranger].caller.participant);
    return change_rows(w, vs_op_insert(VS_T_DELIVERY, values));
}

/* A longer class is forgotten: it goes months early. */
static bool plant_short_term(struct world *w)
{
    for (size_t i = 0; i < w->oracle.n_documents; i++) {
        struct oracle_document *d = &w->oracle.documents[i];
        if (!d->accepted || d->gone || d->months < 12)
            continue;
        struct vs_value row[VS_DOCUMENT_COLUMNS] = {{0}};
        row[VS_DOCUMENT_ID] = vs_id_value(&d->id);
        row[VS_DOCUMENT_RETENTION] = vs_int(6);
        return change_rows(
            w, vs_op_update(VS_T_DOCUMENT, row, VS_SET(VS_DOCUMENT_RETENTION), VS_ANY_VERSION));
    }
    return false;
}

/* The due work of a delivery is forgotten: a retry, or a term. */
static bool forget_work(struct world *w, const char *kind, const struct oracle_document *d,
                        const struct oracle_delivery *to)
{
    struct vs_error err;
    const struct vs_due *work;
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    vs_due_delivery(d->id, w->oracle.parties[to->party].caller.participant, subject);
    if (!vs_ok(vs_due_get(w->sim.relay, w->sim.scratch, kind, VS_BYTES(subject, sizeof subject),
                          &work, &err)) ||
        work == NULL)
        return false;
    struct vs_value key = vs_id_value(&work->id);
    return change_rows(w, vs_op_delete(VS_T_WORK, &key, VS_ANY_VERSION));
}

static bool forget_some(struct world *w, const char *kind)
{
    for (size_t i = w->oracle.n_documents; i-- > 0;) {
        struct oracle_document *d = &w->oracle.documents[i];
        for (unsigned k = 0; k < d->n && d->accepted && !d->notice; k++)
            if (d->to[k].answer == NOT_ANSWERED && forget_work(w, kind, d, &d->to[k]))
                return true;
    }
    return false;
}

static bool plant_lost_retry(struct world *w)
{
    return forget_some(w, VS_DUE_PUSH);
}

static bool plant_lost_term(struct world *w)
{
    return forget_some(w, VS_DUE_DEADLINE);
}

static bool plant_lost_consent(struct world *w)
{
    return forget_some(w, VS_DUE_CONSENT);
}

/* An older copy of data and anchor, as a careless restore leaves them. */
static bool plant_older_copy(struct world *w)
{
    struct vs_error err;
    char copy[120];
    if (w->oracle.n_documents < 10)
        return false;
    sim_crash(&w->sim);
    snprintf(copy, sizeof copy, "%s/copy", w->sim.folder);
    struct vs_pki *shell = w->sim.network.pki;
    bool good = vs_pki_run(shell, "mkdir -p '%s' && cp -a '%s' '%s' '%s'", copy, w->sim.data,
                           w->sim.anchor, copy) == 0;
    rise(w);
    for (int i = 0; i < 20 && !w->sim.over; i++)
        one_step(w, VS_DAY_MS);
    sim_crash(&w->sim);
    good = good && vs_pki_run(shell, "rm -rf '%s' && mv '%s/data' '%s/anchor' '%s'",
                              w->sim.data, copy, copy, w->sim.folder) == 0;
    rise(w);
    (void)err;
    return good;
}

static const struct {
    const char *what;
    plant *run;
} plants[] = {{"a document is lost", plant_lost_document},
              {"a piece of evidence is lost", plant_lost_evidence},
              {"a document has another's bytes", plant_other_bytes},
              {"a second terminal evidence", plant_second_terminal},
              {"a delivery to a stranger", plant_stranger},
              {"a document goes before its term", plant_short_term},
              {"a retry is lost", plant_lost_retry},
              {"a term is lost", plant_lost_term},
              {"the term of consent is lost", plant_lost_consent},
              {"an older copy of everything", plant_older_copy}};

static bool run_plant(size_t i, uint64_t seed)
{
    static struct world w;
    bool planted = false;
    begin(&w, seed, 600);
    for (unsigned n = 0; n < 400 && !w.sim.over; n++) {
        one_step(&w, VS_DAY_MS);
        if (n >= 60 && (!planted || n % 20 == 0) && !w.sim.over && w.pending == NULL)
            planted |= plants[i].run(&w);
    }
    bool noticed = w.sim.over && planted;
    printf("%s: %s%s\n", plants[i].what, noticed ? "noticed: " : "NOT NOTICED ",
           w.sim.violation);
    end(&w);
    return noticed;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : argc > 1 ? 1 : 2;
    unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 300;
    unsigned long bad = 0;
    for (unsigned long i = 0; i < count; i++)
        bad += !run_seed(seed + i, steps, count <= 5 || i % 20 == 0);
    for (size_t i = 0; argc == 1 && i < sizeof plants / sizeof *plants; i++)
        bad += !run_plant(i, 1000 + i);
    printf("%lu seeds of ten years, %lu with violations\n", count, bad);
    return bad == 0 ? 0 : 1;
}
