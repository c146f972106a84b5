#include "tests/support/oracle.h"
#include "formats/certificate/certificate.h"
#include "formats/evidence/erds.h"
#include "formats/evidence/evidence_record.h"
#include "formats/timestamp/timestamp.h"
#include "relay/check.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX    ((size_t)2 << 30)
#define MOST_AT_ONCE 100 /* entries of a page */
/* What may go goes: margin, witnessed time that lags behind, a daily look. */
#define LATEST_LEAVE_MS (45 * VS_DAY_MS)
/* The law's terms of relay/exchange/agreements.h. */
#define FURTHER_MS (3 * VS_DAY_MS)
#define CONSENT_MS (5 * VS_DAY_MS)
/* A mark comes once the authority answers again. */
#define MARK_LATE_MS    (5 * VS_DAY_MS)
#define RENEWAL_LATE_MS (30 * VS_DAY_MS)
#define PUSH_LATE_MS    (5 * VS_DAY_MS)
#define PUSH_TERM_MS    (3 * VS_DAY_MS)

/* -- events (design, "Events") ------------------------------------------------------------- */

static const struct event {
    const char *name;
    uint8_t most;  /* for one recipient, or for the document */
    bool delivery; /* concerns a recipient */
    bool terminal;
} events[] = {
    {"SubmissionAcceptance", 1, false, false},
    {"SubmissionRejection", 1, false, false},
    {"ContentConsignment", 1, true, false},
    {"ContentConsignmentFailure", 1, true, true},
    {"ConsignmentNotification", 1, true, false},
    {"ConsignmentNotificationFailure", 1, true, false},
    {"ContentHandover", 1, true, false},
    {"ContentHandoverFailure", 1, true, true},
    {"NotificationForAcceptance", 1, true, false},
    {"ConsignmentAcceptance", 1, true, false},
    {"ConsignmentRejection", 1, true, true},
    {"AcceptanceRejectionExpiry", 1, true, true},
    {"Acknowledgement", 1, true, false},
    {"AcknowledgementRefusal", 1, true, true},
    {"AcknowledgementReachedSender", 1, true, true},
    {"AcknowledgementReminder", 20, true, false},
    {"AcknowledgementOverdue", 20, true, false},
    {"NonSendingNotice", 1, false, false},
    {"RepetitionNotice", ORACLE_RECIPIENTS, false, false},
    {"LegalHold", 9, false, false},
    {"LegalHoldLifted", 9, false, false},
};
enum event_number {
    ACCEPTANCE,
    REJECTION,
    CONSIGNMENT,
    CONSIGNMENT_FAILURE,
    NOTIFICATION,
    NOTIFICATION_FAILURE,
    HANDOVER,
    HANDOVER_FAILURE,
    ASKED,
    CONSENTED,
    CONSENT_REFUSED,
    CONSENT_EXPIRED,
    ACKNOWLEDGED,
    REFUSED,
    REACHED,
    REMINDED,
    OVERDUE,
    NOTICE,
    REPETITION,
    HOLD,
    HOLD_LIFTED,
    EVENTS
};
_Static_assert(sizeof events / sizeof *events == EVENTS, "one row for each");
_Static_assert((int)EVENTS <= (int)ORACLE_EVENTS, "room for each");

static const char *id_text(struct oracle *o, struct vs_id id)
{
    return vs_id_text_new(o->sim->scratch, id);
}

#define WRONG(oracle, ...) sim_violation((oracle)->sim, __VA_ARGS__)

/* -- the model's memory -------------------------------------------------------------------- */

static void *room(struct oracle *o, size_t n, size_t size)
{
    void *ret = vs_arena_alloc(o->arena, n * size);
    VS_ASSERT(ret != NULL);
    memset(ret, 0, n * size);
    return ret;
}

void oracle_init(struct oracle *o, struct sim *sim, size_t documents)
{
    *o = (struct oracle){.sim = sim, .arena = vs_arena_new(ARENA_MAX)};
    o->auditor.roles = VS_ROLE_AUDITOR;
    o->auditor.principal = vs_id_new(&sim->seams, sim->now);
    snprintf(o->auditor.name, sizeof o->auditor.name, "Nəzarət orqanı");
    o->most_documents = documents;
    o->id_slots = documents * 4;
    o->most_leaves = documents * ORACLE_EVIDENCE;
    o->most_roots = documents * ORACLE_EVIDENCE;
    o->documents = room(o, documents, sizeof *o->documents);
    o->by_id = room(o, o->id_slots, sizeof *o->by_id);
    o->leaves = room(o, o->most_leaves, sizeof *o->leaves);
    o->claimed = room(o, o->most_leaves, 1);
    o->roots = room(o, o->most_roots, sizeof *o->roots);
}

void oracle_done(struct oracle *o)
{
    vs_arena_free(o->arena);
}

static struct oracle_document **slot(struct oracle *o, struct vs_id id)
{
    size_t at = (size_t)(vs_get_u64(id.bytes + 8) % o->id_slots);
    while (o->by_id[at] != NULL && !vs_id_equal(o->by_id[at]->id, id))
        at = (at + 1) % o->id_slots;
    return &o->by_id[at];
}

struct oracle_document *oracle_find(struct oracle *o, struct vs_id id)
{
    return *slot(o, id);
}

struct oracle_document *oracle_draft(struct oracle *o, unsigned sender, struct vs_bytes bytes)
{
    VS_ASSERT(o->n_documents < o->most_documents);
    struct oracle_document *d = &o->documents[o->n_documents];
    *d = (struct oracle_document){
        .sender = sender, .bytes = vs_bytes_copy(o->arena, bytes), .latest = VS_TIME_NONE};
    return d;
}

void oracle_crashed(struct oracle *o)
{
    for (size_t i = 0; i < o->n_documents; i++)
        for (unsigned k = 0; k < o->documents[i].n; k++) {
            struct oracle_delivery *to = &o->documents[i].to[k];
            to->taken_lost |= to->taken != VS_TIME_NONE && to->counts[HANDOVER] == 0;
            to->told_lost |= to->told && to->counts[NOTIFICATION] == 0;
        }
}

void oracle_receipt(struct oracle *o, struct oracle_document *d,
                    const struct vs_receipt *receipt)
{
    struct oracle_document **place = slot(o, receipt->id);
    if (*place != NULL)
        WRONG(o, "two submissions have the id %s", id_text(o, receipt->id));
    d->id = receipt->id;
    d->accepted = receipt->accepted;
    d->held = receipt->held;
    if (!d->accepted)
        d->months = 6; /* the law's least: nothing was agreed */
    *place = d;
    VS_ASSERT(d == &o->documents[o->n_documents]);
    o->n_documents++;
    if (receipt->sent < d->fed || receipt->sent > o->sim->now)
        WRONG(o, "28.1: SubmissionTime is not when the last byte came");
    if (receipt->held) {
        d->repeats = oracle_find(o, receipt->repeats);
        if (d->repeats == NULL || !vs_bytes_equal(d->repeats->bytes, d->bytes))
            WRONG(o, "27.3.3: %s repeats nothing", id_text(o, d->id));
    }
}

/* -- the journal --------------------------------------------------------------------------- */

static struct vs_hash node_of(const struct vs_hash *left, const struct vs_hash *right)
{
    uint8_t both[65] = {1};
    struct vs_digest digest;
    struct vs_hash ret;
    memcpy(both + 1, left->bytes, 32);
    memcpy(both + 33, right->bytes, 32);
    vs_digest_of(VS_SHA256, VS_BYTES(both, sizeof both), &digest);
    memcpy(ret.bytes, digest.bytes, 32);
    return ret;
}

static void append(struct oracle *o, struct vs_hash leaf)
{
    VS_ASSERT(o->n_leaves < o->most_leaves);
    o->leaves[o->n_leaves] = leaf;
    uint64_t size = o->n_leaves++;
    unsigned level = 0;
    for (; (size >> level & 1) != 0; level++)
        leaf = node_of(&o->edge[level], &leaf);
    o->edge[level] = leaf;
}

static struct vs_hash root_of(const struct oracle *o)
{
    struct vs_hash root = {{0}};
    bool any = false;
    for (unsigned level = 0; level < 64; level++) {
        if ((o->n_leaves >> level & 1) == 0)
            continue;
        root = any ? node_of(&o->edge[level], &root) : o->edge[level];
        any = true;
    }
    return root;
}

/* RFC 9162, 2.1.4.2. */
static bool consistent(const struct oracle_root *first, const struct oracle_root *second,
                       const struct vs_merkle_proof *proof)
{
    size_t at = 0;
    uint64_t fn = first->size - 1, sn = second->size - 1;
    if (first->size == second->size)
        return proof->n == 0 && memcmp(&first->root, &second->root, 32) == 0;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    bool power = (first->size & (first->size - 1)) == 0;
    if (!power && proof->n == 0)
        return false;
    struct vs_hash fr = power ? first->root : proof->nodes[at++], sr = fr;
    for (; at < proof->n; at++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            fr = node_of(&proof->nodes[at], &fr);
            sr = node_of(&proof->nodes[at], &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            sr = node_of(&sr, &proof->nodes[at]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(&fr, &first->root, 32) == 0 && memcmp(&sr, &second->root, 32) == 0;
}

static bool read_note(struct oracle *o, struct oracle_root *ret)
{
    struct vs_error err;
    struct vs_bytes note, root;
    struct vs_journal *journal = vs_relay_journal(o->sim->relay);
    if (!vs_ok(vs_journal_checkpoint(journal, o->sim->scratch, &note, &err))) {
        WRONG(o, "no checkpoint: %s", err.text);
        return false;
    }
    char origin[200], hash[64];
    unsigned long long size;
    char *text =
        vs_arena_printf(o->sim->scratch, "%.*s", (int)note.len, (const char *)note.ptr);
    if (sscanf(text, "%199[^\n]\n%llu\n%63[^\n]\n", origin, &size, hash) != 3 ||
        !vs_ok(vs_base64_decode(o->sim->scratch, vs_bytes_text(hash), &root, &err)) ||
        root.len != 32) {
        WRONG(o, "a checkpoint that is none");
        return false;
    }
    ret->size = size;
    memcpy(ret->root.bytes, root.ptr, 32);
    return true;
}

static void prove_an_earlier_one(struct oracle *o, const struct oracle_root *now)
{
    struct vs_error err;
    struct vs_merkle_proof proof;
    const struct oracle_root *then = &o->roots[sim_below(&o->sim->fate, o->n_roots)];
    vs_rc rc = vs_journal_consistency(vs_relay_journal(o->sim->relay), then->size, now->size,
                                      &proof, &err);
    o->proofs++;
    if (!vs_ok(rc))
        WRONG(o, "no consistency proof from %llu to %llu: %s", (unsigned long long)then->size,
              (unsigned long long)now->size, err.text);
    else if (!consistent(then, now, &proof))
        WRONG(o, "the checkpoint of %llu is no prefix of that of %llu",
              (unsigned long long)then->size, (unsigned long long)now->size);
}

void oracle_journal(struct oracle *o)
{
    struct vs_error err;
    struct vs_hash leaf;
    struct oracle_root now;
    if (o->sim->over || vs_journal_size(vs_relay_journal(o->sim->relay)) == 0 ||
        !read_note(o, &now))
        return;
    if (now.size < o->n_leaves) {
        WRONG(o, "the journal shrank from %llu to %llu", (unsigned long long)o->n_leaves,
              (unsigned long long)now.size);
        return;
    }
    while (o->n_leaves < now.size) {
        if (!vs_ok(
                vs_journal_leaf(vs_relay_journal(o->sim->relay), o->n_leaves, &leaf, &err))) {
            WRONG(o, "no leaf %llu: %s", (unsigned long long)o->n_leaves, err.text);
            return;
        }
        append(o, leaf);
    }
    struct vs_hash root = root_of(o);
    if (memcmp(&root, &now.root, 32) != 0)
        WRONG(o, "the checkpoint of %llu is not over the leaves that were seen",
              (unsigned long long)now.size);
    if (o->n_roots == 0 || o->roots[o->n_roots - 1].size < now.size)
        o->roots[o->n_roots++] = now;
    prove_an_earlier_one(o, &now);
}

/* -- terms (Art. 31.3) --------------------------------------------------------------------- */

static int64_t days_before(int64_t year,
                           int month) /* the month's first day, since 0000-03-01 */
{
    int64_t y = month < 3 ? year - 1 : year;
    int64_t m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5;
}

vs_time_ms oracle_term(const struct oracle_document *d)
{
    if (d->legal_hold)
        return INT64_MAX;
    int64_t epoch = days_before(1970, 1), day = d->latest / VS_DAY_MS + epoch;
    int64_t year = 1970;
    int month = 1;
    while (days_before(year + 1, 1) <= day)
        year++;
    while (month < 12 && days_before(year, month + 1) <= day)
        month++;
    int64_t within = day - days_before(year, month);
    int64_t later = year * 12 + month - 1 + (int64_t)d->months;
    int64_t to_year = later / 12;
    int to_month = (int)(later % 12) + 1;
    int64_t first = days_before(to_year, to_month);
    int64_t last = days_before(to_month == 12 ? to_year + 1 : to_year, to_month % 12 + 1) - 1;
    int64_t to = first + within > last ? last : first + within;
    return (to - epoch) * VS_DAY_MS + d->latest % VS_DAY_MS;
}

/* -- evidence ------------------------------------------------------------------------------ */

static bool consents(const struct oracle_delivery *to)
{
    return !to->consent || to->consented == CONFORMS || to->maybe_consented == CONFORMS;
}

static vs_time_ms further(const struct oracle_delivery *to)
{
    return to->reminded == VS_TIME_NONE ? VS_TIME_NONE : to->reminded + FURTHER_MS;
}

/* 27.5: an answer was due by `end`, and at `moment` there was none. */
static bool overdue(const struct oracle_delivery *to, vs_time_ms end, vs_time_ms moment)
{
    return end != VS_TIME_NONE && to->acknowledgement && moment > end &&
           (to->answered == VS_TIME_NONE || moment <= to->answered);
}

/* Whether what the evidence states happened, as far as the model knows. */
static bool happened(const struct oracle_document *d, const struct oracle_evidence *e,
                     const struct oracle_delivery *to)
{
    switch ((enum event_number)e->event) {
    case ACCEPTANCE:
        return d->accepted;
    case REJECTION:
        return !d->accepted;
    case CONSIGNMENT:
        return d->accepted && !d->held && !to->endpoint && consents(to);
    case HANDOVER:
        return to->downloaded || to->maybe_downloaded ||
               (to->endpoint && to->taken != VS_TIME_NONE && e->time >= to->taken);
    case HANDOVER_FAILURE:
        return to->endpoint && (to->taken == VS_TIME_NONE || to->taken_lost) &&
               (to->refused_for_good != VS_TIME_NONE ||
                (to->pushes > 1 && e->time >= to->pushed + PUSH_TERM_MS));
    case NOTIFICATION:
        return to->told && !d->held;
    case NOTIFICATION_FAILURE:
        return to->notices > 0;
    case ASKED:
        return to->consent && !d->held;
    case CONSENTED:
        return to->consent && consents(to);
    case CONSENT_REFUSED:
        return to->consented == REFUSES || to->maybe_consented == REFUSES;
    case CONSENT_EXPIRED:
        return to->consented == NOT_ANSWERED && to->asked != VS_TIME_NONE &&
               e->time > to->asked + CONSENT_MS;
    case ACKNOWLEDGED:
    case REACHED: /* both are there once relay is idle: look_at_delivery() */
        return to->answer == CONFORMS || to->maybe_answer == CONFORMS ||
               (to->automatic && d->passed);
    case REFUSED:
        return to->answer == REFUSES || to->maybe_answer == REFUSES;
    case REMINDED:
        return to->remind && !d->notice && overdue(to, to->deadline, e->time);
    case OVERDUE:
        return !d->notice &&
               overdue(to, to->reminded != VS_TIME_NONE ? further(to) : to->deadline, e->time);
    case NOTICE:
        return d->notice || d->maybe_notice;
    case REPETITION:
        return d->repeats != NULL;
    case HOLD:
    case HOLD_LIFTED:
        return d->holds > 0;
    default:
        return false;
    }
}

static unsigned terminal_ones(const struct oracle_delivery *to)
{
    unsigned n = 0;
    for (size_t i = 0; i < EVENTS; i++)
        n += events[i].terminal ? to->counts[i] : 0;
    return n;
}

static int delivery_of(struct oracle *o, const struct oracle_document *d, struct vs_id party)
{
    for (unsigned i = 0; i < d->n; i++)
        if (vs_id_equal(o->parties[d->to[i].party].caller.participant, party))
            return (int)i;
    return -1;
}

/* The signed file says what its row says. */
static void read_evidence(struct oracle *o, const struct oracle_document *d,
                          const struct vs_evidence *e)
{
    struct vs_error err;
    struct vs_bytes xml;
    struct vs_erds erds;
    struct vs_digest digest;
    if (!vs_ok(vs_evidence_xml(o->sim->relay, o->sim->scratch, e, &xml, &err)) ||
        !vs_ok(vs_erds_read(o->sim->scratch, xml, &erds, &err))) {
        WRONG(o, "%s: its %s cannot be read: %s", id_text(o, d->id), e->event, err.text);
        return;
    }
    vs_digest_of(VS_SHA256, xml, &digest);
    if (memcmp(digest.bytes, e->digest, 32) != 0 || erds.event_time != e->event_time ||
        !vs_text_equal(vs_event_info(erds.event)->name, e->event) ||
        !vs_text_equal(erds.message_id, id_text(o, d->id)) || !erds.is_signed)
        WRONG(o, "%s: its %s says something else", id_text(o, d->id), e->event);
}

/* Its place in the journal is its own (4). */
static void claim(struct oracle *o, const struct oracle_document *d,
                  const struct vs_evidence *e)
{
    uint8_t leaf[66] = {0, 1};
    struct vs_digest digest;
    memcpy(leaf + 2, e->salt, 32);
    memcpy(leaf + 34, e->digest, 32);
    vs_digest_of(VS_SHA256, VS_BYTES(leaf, sizeof leaf), &digest);
    if (!e->sequenced || e->journal_index >= o->n_leaves)
        WRONG(o, "%s: its %s is not in the journal", id_text(o, d->id), e->event);
    else if (memcmp(o->leaves[e->journal_index].bytes, digest.bytes, 32) != 0)
        WRONG(o, "%s: the leaf of its %s is another's", id_text(o, d->id), e->event);
    else if (o->claimed[e->journal_index]++ != 0)
        WRONG(o, "two pieces of evidence have leaf %llu", (unsigned long long)e->journal_index);
}

static void count_and_judge(struct oracle *o, struct oracle_document *d,
                            const struct oracle_evidence *e)
{
    const struct event *event = &events[e->event];
    struct oracle_delivery *to = event->delivery ? &d->to[e->delivery] : NULL;
    uint8_t *count = to == NULL ? &d->counts[e->event] : &to->counts[e->event];
    if (!happened(d, e, to))
        WRONG(o, "%s: evidence of %s, which did not happen", id_text(o, d->id), event->name);
    if (++*count > event->most)
        WRONG(o, "%s: %u times %s", id_text(o, d->id), *count, event->name);
    if (to != NULL && terminal_ones(to) > 1)
        WRONG(o, "%s: a second terminal evidence, %s", id_text(o, d->id), event->name);
    if (e->event == ASKED)
        to->asked = e->time;
    if (e->event == REMINDED)
        to->reminded = e->time;
    if (to != NULL && to->counts[ACKNOWLEDGED] + to->counts[REFUSED] > 1)
        WRONG(o, "%s: acknowledged and refused", id_text(o, d->id));
}

/* Evidence that the model has not seen: what it says becomes known. */
static void learn(struct oracle *o, struct oracle_document *d, const struct vs_evidence *e)
{
    int event = 0;
    while (event < EVENTS && !vs_text_equal(events[event].name, e->event))
        event++;
    int index = vs_id_is_none(e->recipient) ? -1 : delivery_of(o, d, e->recipient);
    if (event == EVENTS || d->n_evidence == ORACLE_EVIDENCE ||
        (events[event].delivery && index < 0)) {
        WRONG(o, "%s: unexpected evidence %s", id_text(o, d->id), e->event);
        return;
    }
    struct oracle_evidence *known = &d->evidence[d->n_evidence++];
    *known = (struct oracle_evidence){.id = e->id,
                                      .event = (uint8_t)event,
                                      .delivery = (int8_t)index,
                                      .marked = e->marked,
                                      .time = e->event_time,
                                      .index = e->journal_index};
    memcpy(known->digest, e->digest, 32);
    if (e->event_time < d->fed || e->event_time > o->sim->now)
        WRONG(o, "%s: %s before it or in the future", id_text(o, d->id), e->event);
    if (e->event_time > d->latest)
        d->latest = e->event_time;
    count_and_judge(o, d, known);
    claim(o, d, e);
    read_evidence(o, d, e);
}

/* The newest time mark of its evidence record is one that still proves something: renewed
 * before its authority's certificate ended (RFC 4998, 5.2). */
static void look_at_record(struct oracle *o, const struct oracle_document *d,
                           const struct vs_evidence *e)
{
    struct vs_error err;
    struct vs_bytes der;
    const struct vs_record *record;
    const struct vs_timestamp *token;
    VS_CERTIFICATE *signer = NULL;
    struct vs_arena *arena = o->sim->scratch;
    o->records++;
    if (!vs_ok(vs_evidence_record(o->sim->relay, arena, e, &der, &err)) ||
        !vs_ok(vs_record_decode(arena, der, &record, &err))) {
        WRONG(o, "%s: the record of its %s cannot be read: %s", id_text(o, d->id), e->event,
              err.text);
        return;
    }
    const struct vs_record_chain *chain = &record->chains[record->n_chains - 1];
    if (!vs_ok(vs_timestamp_decode(arena, chain->stamps[chain->n - 1].token, &token, &err)) ||
        !vs_ok(vs_timestamp_signer(token, NULL, 0, &signer, &err)) || signer == NULL)
        WRONG(o, "%s: a time mark that cannot be read: %s", id_text(o, d->id), err.text);
    else if (signer->not_after < o->sim->now &&
             o->sim->now > o->sim->network.last_failure + RENEWAL_LATE_MS)
        WRONG(o, "%s: the time mark of its %s has run out", id_text(o, d->id), e->event);
}

static void look_at_evidence(struct oracle *o, struct oracle_document *d,
                             const struct vs_evidence **list, size_t n)
{
    size_t found = 0, before = d->n_evidence;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < d->n_evidence && !vs_id_equal(d->evidence[k].id, list[i]->id))
            k++;
        if (k == d->n_evidence) {
            learn(o, d, list[i]);
            continue;
        }
        struct oracle_evidence *known = &d->evidence[k];
        found++;
        if (known->time != list[i]->event_time || known->index != list[i]->journal_index ||
            memcmp(known->digest, list[i]->digest, 32) != 0 ||
            (known->marked && !list[i]->marked))
            WRONG(o, "%s: its %s has changed", id_text(o, d->id), list[i]->event);
        known->marked |= list[i]->marked;
        if (known->marked && sim_once_in(&o->sim->fate, 32))
            look_at_record(o, d, list[i]);
        if (!known->marked && o->sim->now > known->time + MARK_LATE_MS &&
            o->sim->now > o->sim->network.last_failure + MARK_LATE_MS)
            WRONG(o, "%s: its %s is never marked", id_text(o, d->id), list[i]->event);
        if (list[i]->marked &&
            list[i]->mark + VS_SECOND_MS + o->sim->settings.clock_back_ms < known->time)
            WRONG(o, "%s: its %s is marked before it was", id_text(o, d->id), list[i]->event);
    }
    if (found != before)
        WRONG(o, "%s: %zu of %zu pieces of evidence are gone", id_text(o, d->id),
              before - found, before);
}

/* -- one document -------------------------------------------------------------------------- */

/* What the model knows of the answer, once evidence told what the dying process did. */
static void settle(struct oracle_delivery *to)
{
    if (to->counts[ACKNOWLEDGED] > 0)
        to->answer = CONFORMS;
    if (to->counts[REFUSED] > 0)
        to->answer = REFUSES;
    if (to->counts[CONSENTED] > 0)
        to->consented = CONFORMS;
    if (to->counts[CONSENT_REFUSED] > 0)
        to->consented = REFUSES;
    to->downloaded |= to->counts[HANDOVER] > 0;
    to->settled = to->counts[HANDOVER] > 0;
    to->maybe_answer = to->maybe_consented = NOT_ANSWERED;
    to->maybe_downloaded = false;
}

static enum vs_delivery_state state_of(const struct oracle_document *d,
                                       const struct oracle_delivery *to)
{
    if (d->held)
        return VS_DELIVERY_HELD;
    if (to->consent && to->consented != CONFORMS)
        return to->consented == REFUSES          ? VS_DELIVERY_REJECTED
               : to->counts[CONSENT_EXPIRED] > 0 ? VS_DELIVERY_EXPIRED
                                                 : VS_DELIVERY_ASKED;
    if (to->endpoint && to->counts[HANDOVER] == 0)
        return to->counts[HANDOVER_FAILURE] > 0 ? VS_DELIVERY_FAILED : VS_DELIVERY_WAITING;
    if (to->answer == CONFORMS)
        return VS_DELIVERY_REACHED;
    if (to->answer == REFUSES)
        return VS_DELIVERY_REFUSED;
    return to->downloaded ? VS_DELIVERY_HANDED_OVER : VS_DELIVERY_AVAILABLE;
}

bool oracle_open(const struct oracle_document *d, const struct oracle_delivery *to)
{
    enum vs_delivery_state state = state_of(d, to);
    return state == VS_DELIVERY_AVAILABLE || state == VS_DELIVERY_HANDED_OVER ||
           state == VS_DELIVERY_REACHED || state == VS_DELIVERY_REFUSED;
}

/* What the clock alone brings about has been brought about (27.5, and the term of consent). */
static void look_at_terms(struct oracle *o, const struct oracle_document *d,
                          const struct oracle_delivery *to)
{
    vs_time_ms now = o->sim->now;
    bool asked = to->asked != VS_TIME_NONE && to->consented == NOT_ANSWERED;
    if (asked && (now > to->asked + CONSENT_MS) != (to->counts[CONSENT_EXPIRED] == 1))
        WRONG(o, "%s: the term of consent is not kept", id_text(o, d->id));
    if (state_of(d, to) == VS_DELIVERY_WAITING && now > d->latest + PUSH_TERM_MS + PUSH_LATE_MS)
        WRONG(o, "%s waits for ever", id_text(o, d->id));
    bool open = oracle_open(d, to) && to->answer == NOT_ANSWERED && !d->notice;
    if (!open || to->deadline == VS_TIME_NONE || !to->acknowledgement)
        return;
    if (now > to->deadline && to->counts[REMINDED] + to->counts[OVERDUE] == 0)
        WRONG(o, "27.5: the term of %s passed in silence", id_text(o, d->id));
    if (to->remind && to->reminded != VS_TIME_NONE && now > further(to) &&
        to->counts[OVERDUE] != 1)
        WRONG(o, "27.5: the further term of %s passed in silence", id_text(o, d->id));
}

static void look_at_delivery(struct oracle *o, struct oracle_document *d,
                             const struct vs_delivery *shown)
{
    int i = delivery_of(o, d, shown->recipient);
    if (i < 0) {
        WRONG(o, "%s: delivered to a stranger", id_text(o, d->id));
        return;
    }
    struct oracle_delivery *to = &d->to[i];
    settle(to);
    enum vs_delivery_state wanted = state_of(d, to);
    if (shown->state != wanted)
        WRONG(o, "%s: it is %s and ought to be %s", id_text(o, d->id),
              vs_delivery_state_name(shown->state), vs_delivery_state_name(wanted));
    if ((to->answer == CONFORMS) != (to->counts[REACHED] == 1) ||
        (to->answer == REFUSES) != (to->counts[REFUSED] == 1) ||
        to->downloaded != (to->counts[HANDOVER] == 1) ||
        (!to->endpoint && !d->held && consents(to)) != (to->counts[CONSIGNMENT] == 1))
        WRONG(o, "%s: evidence is missing", id_text(o, d->id));
    bool received = to->answer == CONFORMS ||
                    (!to->acknowledgement && to->answer == NOT_ANSWERED && oracle_open(d, to));
    if (shown->counts_as_received != received)
        WRONG(o, "27.4: %s does not count as it ought to", id_text(o, d->id));
    if (shown->size != d->bytes.len || !vs_id_equal(shown->document, d->id))
        WRONG(o, "%s: another document is shown", id_text(o, d->id));
    if (shown->counts_as_not_sent != (d->held || d->notice))
        WRONG(o, "27.3: %s does not count as it ought to", id_text(o, d->id));
    look_at_terms(o, d, to);
}

static vs_rc open_content(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                          struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_content_view view = {0};
    VS_TRY(vs_content_open(o->sim->relay, o->sim->scratch, caller, id, VS_CONTENT_ORIGINAL,
                           &view, err));
    vs_rc rc = vs_source_all(view.source, o->sim->scratch, 1 << 20, ret, err);
    vs_content_close(&view);
    return rc;
}

static void look_at_content(struct oracle *o, const struct oracle_document *d)
{
    struct vs_error err;
    struct vs_bytes bytes;
    const struct vs_caller *sender = &o->parties[d->sender].caller;
    o->contents++;
    if (!vs_ok(open_content(o, sender, d->id, &bytes, &err)))
        WRONG(o, "%s cannot be read: %s", id_text(o, d->id), err.text);
    else if (!vs_bytes_equal(bytes, d->bytes))
        WRONG(o, "%s: other bytes", id_text(o, d->id));
}

/* It has left: only when its term is over, and wholly (5). */
static void look_at_nothing(struct oracle *o, struct oracle_document *d)
{
    struct vs_error err;
    struct vs_bytes bytes;
    const struct vs_evidence *one;
    if (!d->gone && o->sim->now < oracle_term(d)) {
        WRONG(o, "%s is lost before its term", id_text(o, d->id));
        return;
    }
    o->gone += !d->gone;
    d->gone = true;
    const struct vs_caller *sender = &o->parties[d->sender].caller;
    if (vs_ok(open_content(o, sender, d->id, &bytes, &err)))
        WRONG(o, "%s has gone, its content has not", id_text(o, d->id));
    for (size_t i = 0; i < d->n_evidence; i++)
        if (vs_ok(vs_evidence_get(o->sim->relay, o->sim->scratch, &o->auditor,
                                  d->evidence[i].id, &one, &err)))
            WRONG(o, "%s has gone, its %s has not", id_text(o, d->id),
                  events[d->evidence[i].event].name);
}

void oracle_look(struct oracle *o, struct oracle_document *d, bool content)
{
    struct vs_error err;
    struct vs_status status;
    if (o->sim->over)
        return;
    o->looks++;
    vs_rc rc = vs_status_get(o->sim->relay, o->sim->scratch, &o->auditor, d->id, &status, &err);
    if (rc.code == VS_E_NOT_FOUND) {
        look_at_nothing(o, d);
        return;
    }
    if (!vs_ok(rc)) {
        WRONG(o, "%s: %s", id_text(o, d->id), err.text);
        return;
    }
    if (d->gone)
        WRONG(o, "%s is there again", id_text(o, d->id));
    if (status.accepted != d->accepted || status.held != d->held)
        WRONG(o, "%s: it was accepted otherwise", id_text(o, d->id));
    look_at_evidence(o, d, status.evidence, status.n_evidence);
    d->notice |= d->counts[NOTICE] > 0;
    d->maybe_notice = false;
    d->legal_hold = d->counts[HOLD] > d->counts[HOLD_LIFTED];
    if (d->counts[d->accepted ? ACCEPTANCE : REJECTION] != 1 ||
        d->counts[d->accepted ? REJECTION : ACCEPTANCE] != 0)
        WRONG(o, "%s: no evidence of its submission", id_text(o, d->id));
    if (!d->accepted)
        return;
    if (status.n_recipients != d->n)
        WRONG(o, "%s: %zu recipients, not %u", id_text(o, d->id), status.n_recipients, d->n);
    for (size_t i = 0; i < status.n_recipients; i++)
        look_at_delivery(o, d, status.recipients[i].delivery);
    if (content)
        look_at_content(o, d);
    vs_time_ms term = oracle_term(d);
    if (term != INT64_MAX && o->sim->now > term + LATEST_LEAVE_MS)
        WRONG(o, "31.3: %s ought to have gone long ago", id_text(o, d->id));
}

/* -- strangers ----------------------------------------------------------------------------- */

typedef vs_rc question(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                       struct vs_error *err);

static vs_rc ask_status(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                        struct vs_error *err)
{
    struct vs_status status;
    return vs_status_get(o->sim->relay, o->sim->scratch, caller, id, &status, err);
}

static vs_rc ask_content(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                         struct vs_error *err)
{
    struct vs_bytes bytes;
    return open_content(o, caller, id, &bytes, err);
}

static vs_rc ask_list(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                      struct vs_error *err)
{
    const struct vs_evidence **list;
    size_t n;
    return vs_evidence_list(o->sim->relay, o->sim->scratch, caller, id, &list, &n, err);
}

static vs_rc ask_evidence(struct oracle *o, const struct vs_caller *caller, struct vs_id id,
                          struct vs_error *err)
{
    const struct vs_evidence *one;
    return vs_evidence_get(o->sim->relay, o->sim->scratch, caller, id, &one, err);
}

void oracle_stranger(struct oracle *o, const struct oracle_document *d, unsigned party)
{
    static question *const questions[] = {ask_status, ask_content, ask_list, ask_evidence};
    const struct vs_caller *caller = &o->parties[party].caller;
    struct vs_id unknown = vs_id_new(&o->sim->seams, o->sim->now);
    if (o->sim->over || d->n_evidence == 0)
        return;
    o->strangers++;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct vs_error theirs = {0}, nobodys = {0};
        struct vs_id id = questions[i] == ask_evidence ? d->evidence[0].id : d->id;
        vs_rc rc = questions[i](o, caller, id, &theirs);
        vs_rc other = questions[i](o, caller, unknown, &nobodys);
        if (rc.code != VS_E_NOT_FOUND || other.code != rc.code ||
            strcmp(theirs.text, nobodys.text) != 0)
            WRONG(o, "%s answers %s, who has nothing to do with it: %s, %s; an unknown id: %s",
                  id_text(o, d->id), caller->name, vs_code_info(rc.code)->name, theirs.text,
                  nobodys.text);
    }
}

/* -- mailboxes ----------------------------------------------------------------------------- */

static void look_at_entry(struct oracle *o, unsigned party, const struct vs_delivery *entry)
{
    struct oracle_document *d = oracle_find(o, entry->document);
    int i = d == NULL ? -1 : delivery_of(o, d, o->parties[party].caller.participant);
    if (i < 0) {
        WRONG(o, "%s is in the mailbox of %s", id_text(o, entry->document),
              o->parties[party].caller.name);
        return;
    }
    /* An entry that changes comes again, at the end (reminders, notices). */
    if (entry->sequence <= o->parties[party].newest)
        WRONG(o, "%s is in the mailbox twice", id_text(o, d->id));
    o->parties[party].newest = entry->sequence;
    d->to[i].in_mailbox |= oracle_open(d, &d->to[i]);
}

static void look_at_mailbox(struct oracle *o, unsigned party)
{
    struct vs_error err;
    struct vs_page page = {.more = true};
    struct oracle_party *p = &o->parties[party];
    while (page.more && !o->sim->over) {
        if (!vs_ok(vs_mailbox_list(o->sim->relay, o->sim->scratch, &p->caller, p->inbox,
                                   MOST_AT_ONCE, &page, &err))) {
            WRONG(o, "no mailbox: %s", err.text);
            return;
        }
        for (size_t i = 0; i < page.n; i++)
            look_at_entry(o, party, page.entries[i]);
        snprintf(p->inbox, sizeof p->inbox, "%s", page.cursor);
    }
}

void oracle_mailboxes(struct oracle *o)
{
    for (unsigned i = 0; i < o->n_parties; i++)
        look_at_mailbox(o, i);
}

/* From the beginning: each delivery once. */
static void look_at_all_mailboxes(struct oracle *o)
{
    for (size_t i = 0; i < o->n_documents; i++)
        for (unsigned k = 0; k < o->documents[i].n; k++)
            o->documents[i].to[k].in_mailbox = false;
    for (unsigned i = 0; i < o->n_parties; i++) {
        o->parties[i].inbox[0] = '\0';
        o->parties[i].newest = 0;
        look_at_mailbox(o, i);
    }
}

/* -- what is new --------------------------------------------------------------------------- */

/* Acts about no document (deletions) have leaves, too. */
static vs_rc look_at_act(struct oracle *o, struct vs_id id, struct vs_error *err)
{
    const struct vs_evidence *one;
    struct oracle_document none = {.id = VS_ID_NONE};
    VS_TRY(vs_evidence_load(o->sim->relay, o->sim->scratch, id, &one, err));
    if (!vs_text_equal(one->event, "RetentionDeletion"))
        WRONG(o, "there is evidence of %s about nothing that is known", one->event);
    if (!one->sequenced || one->journal_index >= o->n_leaves ||
        o->claimed[one->journal_index] == 0)
        claim(o, &none, one);
    return VS_OK;
}

static vs_rc look_at_news(struct oracle *o, const struct vs_row *row, struct vs_error *err)
{
    struct vs_id id = vs_value_id(&row->values[VS_EVIDENCE_ID]);
    struct oracle_document *d = oracle_find(o, vs_value_id(&row->values[VS_EVIDENCE_DOCUMENT]));
    if (d == NULL)
        return look_at_act(o, id, err);
    for (size_t i = 0; i < d->n_evidence; i++)
        if (vs_id_equal(d->evidence[i].id, id))
            return VS_OK;
    oracle_look(o, d, false);
    return VS_OK;
}

/* Ids of evidence begin with their time. */
void oracle_news(struct oracle *o)
{
    struct vs_error err;
    struct vs_id from = vs_id_new(&o->sim->seams, o->news_from);
    memset(from.bytes + 6, 0, sizeof from.bytes - 6);
    struct vs_value low = vs_id_value(&from);
    struct vs_query query = {.table = VS_T_EVIDENCE, .low = &low, .limit = 1000};
    const struct vs_row *rows;
    size_t n;
    vs_rc rc = vs_store_select(o->sim->relay->store, o->sim->scratch, &query, &rows, &n, &err);
    for (size_t i = 0; vs_ok(rc) && i < n && !o->sim->over; i++)
        rc = look_at_news(o, &rows[i], &err);
    if (!vs_ok(rc))
        WRONG(o, "news: %s", err.text);
    VS_ASSERT(n < 1000);
    o->news_from = o->sim->now;
}

/* -- after each step ----------------------------------------------------------------------- */

static void look_and_ask(struct oracle *o, struct oracle_document *d)
{
    oracle_look(o, d, sim_once_in(&o->sim->fate, 4));
    unsigned party = (unsigned)sim_below(&o->sim->fate, o->n_parties);
    if (party != d->sender && delivery_of(o, d, o->parties[party].caller.participant) < 0)
        oracle_stranger(o, d, party);
}

void oracle_learn(struct oracle *o)
{
    oracle_journal(o);
    oracle_news(o);
    oracle_mailboxes(o);
}

void oracle_step(struct oracle *o, struct oracle_document *touched)
{
    oracle_learn(o);
    if (touched != NULL)
        oracle_look(o, touched, true);
    for (int i = 0; i < 2 && o->n_documents > 0; i++)
        look_and_ask(o, &o->documents[o->next_look++ % o->n_documents]);
    vs_arena_reset(o->sim->scratch);
}

static void in_mailbox_all(struct oracle *o, const struct oracle_document *d)
{
    for (unsigned i = 0; i < d->n && d->accepted && !d->held && !d->gone; i++)
        if (!d->to[i].in_mailbox && !d->to[i].endpoint && oracle_open(d, &d->to[i]))
            WRONG(o, "%s never came to the mailbox of %s", id_text(o, d->id),
                  o->parties[d->to[i].party].caller.name);
}

static vs_rc see_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    struct oracle *o = context;
    struct vs_id id = vs_value_id(&row->values[0]);
    (void)err;
    const struct oracle_document *d = oracle_find(o, id);
    if (d == NULL)
        WRONG(o, "there is %s, which nobody sent", id_text(o, id));
    else if (d->gone)
        WRONG(o, "%s has gone, a row of it has not", id_text(o, id));
    return VS_OK;
}

static void see_every_row(struct oracle *o)
{
    struct vs_error err;
    static const enum vs_table_id tables[] = {VS_T_DOCUMENT, VS_T_DELIVERY, VS_T_REFUSAL};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!vs_ok(vs_store_each(o->sim->relay->store, tables[i], see_row, o, &err)))
            WRONG(o, "rows: %s", err.text);
    for (uint64_t i = 0; i < o->n_leaves; i++)
        if (o->claimed[i] != 1)
            WRONG(o, "leaf %llu is nobody's evidence", (unsigned long long)i);
}

void oracle_sweep(struct oracle *o, bool check_all)
{
    struct vs_error err;
    struct vs_check_result check;
    oracle_journal(o);
    oracle_news(o);
    look_at_all_mailboxes(o);
    for (size_t i = 0; i < o->n_documents && !o->sim->over; i++) {
        oracle_look(o, &o->documents[i], true);
        in_mailbox_all(o, &o->documents[i]);
        vs_arena_reset(o->sim->scratch);
    }
    if (o->sim->over)
        return;
    o->sweeps++;
    see_every_row(o);
    if (!check_all)
        return;
    if (!vs_ok(vs_check(o->sim->relay, o->sim->scratch, NULL, NULL, &check, &err)))
        WRONG(o, "no check: %s", err.text);
    else if (check.n_findings > 0)
        WRONG(o, "check: %s %s: %s", check.findings[0].what, check.findings[0].where,
              check.findings[0].text);
    vs_arena_reset(o->sim->scratch);
}
