/* What a bundle holds of one document, and of the service itself. */
#include "formats/bundle/bag.h"
#include "formats/bundle/proof.h"
#include "formats/certificate/certificate.h"
#include "relay/archive/exports_priv.h"
#include "relay/centre/centre.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/mailbox.h"
#include "relay/journal.h"
#include "relay/seal/keys.h"
#include "relay/verification.h"
#include <stdio.h>
#include <stdlib.h>

#define AUTHORITY_MAX 16
#define PIECES_MAX    9999
#define JSON_MAX      ((size_t)64 * 1024)

/* -- the service's own certificates and lists ---------------------------------------------- */

struct common {
    struct vs_bytes certificates[AUTHORITY_MAX];
    const char *names[AUTHORITY_MAX];
    size_t n;
};

static void add_certificate(struct common *c, const char *name, struct vs_bytes der)
{
    for (size_t i = 0; i < c->n; i++)
        if (vs_bytes_equal(c->certificates[i], der))
            return;
    if (c->n == AUTHORITY_MAX)
        return;
    c->names[c->n] = name;
    c->certificates[c->n++] = der;
}

/* In ascending order of names, whatever purposes share. */
static void common_certificates(struct vs_relay *relay, struct common *c)
{
    static const struct {
        enum vs_purpose purpose;
        const char *own, *issuer, *root;
    } purposes[] = {
        {VS_PURPOSE_EVIDENCE, "evidence", "issuing", "root"},
        {VS_PURPOSE_SEAL, "seal", "seal-issuing", "seal-root"},
        {VS_PURPOSE_TSA, "tsa", "tsa-issuing", "tsa-root"},
    };
    *c = (struct common){.n = 0};
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        struct vs_certificate *const *chain;
        size_t n = vs_keys_chain(relay->keys, purposes[i].purpose, &chain);
        if (n > 0)
            add_certificate(c, purposes[i].own, chain[0]->der);
        if (n > 2)
            add_certificate(c, purposes[i].issuer, chain[1]->der);
        if (n > 1)
            add_certificate(c, purposes[i].root, chain[n - 1]->der);
    }
}

bool vs_export_is_common(const struct vs_export_slice *slice, struct vs_bytes der)
{
    struct common c;
    common_certificates(slice->relay, &c);
    for (size_t i = 0; i < c.n; i++)
        if (vs_bytes_equal(c.certificates[i], der))
            return true;
    return false;
}

static vs_rc put_authority(struct vs_export_slice *slice, const struct common *c,
                           struct vs_error *err)
{
    /* Lists among the certificates, in the order of names: at most these. */
    static const char *const names[] = {"evidence.cer",  "issuing.cer", "issuing.crl",
                                        "root.cer",      "root.crl",    "seal-issuing.cer",
                                        "seal-root.cer", "seal.cer",    "tsa-issuing.cer",
                                        "tsa-root.cer",  "tsa.cer"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct vs_bytes name = vs_bytes_text(names[i]), der = VS_BYTES_NONE;
        if (vs_bytes_ends(name, ".crl")) {
            bool root = vs_bytes_starts(name, "root");
            VS_TRY(vs_centre_crl(slice->relay->centre, slice->arena, root ? "root" : "issuing",
                                 slice->now, &der, err));
        }
        for (size_t k = 0; k < c->n && der.ptr == NULL; k++)
            if (strlen(c->names[k]) == name.len - 4 && vs_bytes_starts(name, c->names[k]))
                der = c->certificates[k];
        const char *path = vs_arena_printf(slice->arena, "data/authority/%s", names[i]);
        if (path == NULL)
            return vs_fail_memory(err);
        if (der.ptr != NULL)
            VS_TRY(vs_export_add_bytes(slice, path, der, err));
    }
    return VS_OK;
}

/* Of the logs that a restore has ended: proofs of their entries lead to these. */
static vs_rc put_past(struct vs_export_slice *slice, struct vs_error *err)
{
    const struct vs_journal_log *logs;
    size_t n;
    VS_TRY(vs_journal_logs(slice->relay->journal, slice->arena, &logs, &n, err));
    for (size_t i = 0; i + 1 < n; i++) {
        const char *path = vs_arena_printf(slice->arena, "data/checkpoint-%03llu.txt",
                                           (unsigned long long)logs[i].epoch);
        if (path == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_export_add_bytes(slice, path, logs[i].checkpoint, err));
    }
    return VS_OK;
}

vs_rc vs_export_authority(struct vs_export_slice *slice, struct vs_error *err)
{
    struct common c;
    common_certificates(slice->relay, &c);
    VS_TRY(put_authority(slice, &c, err));
    struct vs_public_key *key = vs_keys_public(slice->relay->keys, VS_PURPOSE_CHECKPOINT);
    char *base64 = vs_base64_new(slice->arena, vs_public_key_spki(key));
    const char *pem = base64 == NULL ? NULL
                                     : vs_arena_printf(slice->arena,
                                                       "-----BEGIN PUBLIC KEY-----\n%s\n"
                                                       "-----END PUBLIC KEY-----\n",
                                                       base64);
    if (pem == NULL)
        return vs_fail_memory(err);
    VS_TRY(put_past(slice, err));
    VS_TRY(vs_export_add_bytes(slice, "data/checkpoint.pem", vs_bytes_text(pem), err));
    return vs_export_add_bytes(slice, "data/checkpoint.txt", slice->row->checkpoint, err);
}

/* -- one document -------------------------------------------------------------------------- */

struct one {
    struct vs_export_slice *slice;
    struct vs_arena *arena;
    struct vs_id id;
    char text[VS_ID_TEXT];
    enum vs_party_kind party;
    const struct vs_row *document_row;
    const struct vs_value *row; /* its values */
    const struct vs_evidence **pieces;
    struct vs_bytes *xml;
    size_t n;
    struct vs_bundle_document document;
    struct vs_material material;
};

static const char *path_of(struct one *o, const char *name, const char *suffix)
{
    return vs_arena_printf(o->arena, "data/documents/%s/%s%s", o->text, name, suffix);
}

static vs_rc put_bytes(struct one *o, const char *name, const char *suffix,
                       struct vs_bytes bytes, struct vs_error *err)
{
    const char *path = path_of(o, name, suffix);
    return path == NULL ? vs_fail_memory(err) : vs_export_add_bytes(o->slice, path, bytes, err);
}

static int by_index(const void *a, const void *b)
{
    const struct vs_evidence *x = *(const struct vs_evidence *const *)a;
    const struct vs_evidence *y = *(const struct vs_evidence *const *)b;
    if (x->journal_epoch != y->journal_epoch)
        return x->journal_epoch < y->journal_epoch ? -1 : 1;
    return x->journal_index < y->journal_index ? -1 : x->journal_index > y->journal_index;
}

/* What is in the journal at the bundle's checkpoint and has its time mark, in its order: of two
 * pieces of one millisecond only the journal knows which came first. */
static vs_rc load_pieces(struct one *o, struct vs_error *err)
{
    const struct vs_evidence **all;
    size_t n;
    VS_TRY(
        vs_evidence_list(o->slice->relay, o->arena, &o->slice->caller, o->id, &all, &n, err));
    o->pieces = vs_arena_make_n(o->arena, const struct vs_evidence *, n + 1);
    o->xml = vs_arena_make_n(o->arena, struct vs_bytes, n + 1);
    if (o->pieces == NULL || o->xml == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n && o->n < PIECES_MAX; i++)
        if (all[i]->sequenced && all[i]->marked &&
            (all[i]->journal_epoch < vs_journal_epoch(o->slice->relay->journal) ||
             all[i]->journal_index < o->slice->log_size))
            o->pieces[o->n++] = all[i];
    if (o->n > 1)
        qsort(o->pieces, o->n, sizeof *o->pieces, by_index);
    return VS_OK;
}

static vs_rc read_pieces(struct one *o, struct vs_error *err)
{
    const struct vs_value *v = o->row;
    for (size_t i = 0; i < o->n; i++) {
        struct vs_erds erds;
        VS_TRY(vs_evidence_xml(o->slice->relay, o->arena, o->pieces[i], &o->xml[i], err));
        VS_TRY(vs_erds_read(o->arena, o->xml[i], &erds, err));
        VS_TRY(vs_bundle_document_take(o->arena, &erds, &o->document, err));
    }
    o->document.size = (uint64_t)v[VS_DOCUMENT_SIZE].integer;
    o->document.subject = vs_value_text_new(o->arena, &v[VS_DOCUMENT_SUBJECT]);
    o->document.number = vs_value_text_new(o->arena, &v[VS_DOCUMENT_REFERENCE]);
    o->document.date = vs_value_text_new(o->arena, &v[VS_DOCUMENT_DATE]);
    o->document.file = vs_bundle_original_name(o->arena, o->document.name);
    return o->document.file == NULL ? vs_fail_memory(err) : VS_OK;
}

/* Judged once more, for what it is judged with. A document that is refused as a file has
 * nothing of the kind. */
static vs_rc gather_material(struct one *o, const struct vs_source *original,
                             struct vs_error *err)
{
    struct vs_policy policy = *vs_policy_default();
    struct vs_validation_input input = {.document = original,
                                        .name = o->document.name,
                                        .at = o->slice->now,
                                        .proved = o->pieces[0]->mark,
                                        .policy = &policy,
                                        .collect = true};
    const struct vs_report *report;
    policy.report_unsigned_files = true;
    vs_rc rc = vs_verify(o->slice->relay, o->arena, &input, &report, err);
    enum vs_class class = vs_code_info(rc.code)->class;
    if (vs_ok(rc))
        o->material = report->material;
    return class == VS_CLASS_REFUSED || class == VS_CLASS_CALLER ? VS_OK : rc;
}

static vs_rc put_certificates(struct one *o, struct vs_error *err)
{
    char name[32];
    unsigned number = 0;
    for (size_t i = 0; i < o->material.n_certificates && number < 64; i++) {
        if (vs_export_is_common(o->slice, o->material.certificates[i]))
            continue;
        snprintf(name, sizeof name, "certificates/%04u", ++number);
        VS_TRY(put_bytes(o, name, ".cer", o->material.certificates[i], err));
    }
    return VS_OK;
}

/* The embedded centre's lists lie in data/authority: the newest serve all documents. */
static bool is_own_list(struct one *o, struct vs_bytes der)
{
    static const char *const authorities[] = {"root", "issuing"};
    struct vs_error ignored;
    for (size_t i = 0; i < 2; i++) {
        struct vs_bytes own;
        if (vs_ok(vs_centre_crl(o->slice->relay->centre, o->arena, authorities[i],
                                o->slice->now, &own, &ignored)) &&
            vs_bytes_equal(own, der))
            return true;
    }
    return false;
}

static vs_rc put_revocation(struct one *o, struct vs_error *err)
{
    char name[32];
    unsigned number = 0;
    for (size_t i = 0; i < o->material.n_crls && number < 32; i++) {
        if (is_own_list(o, o->material.crls[i]))
            continue;
        snprintf(name, sizeof name, "revocation/%04u", ++number);
        VS_TRY(put_bytes(o, name, ".crl", o->material.crls[i], err));
    }
    for (size_t i = 0; i < o->material.n_ocsp && number < 64; i++) {
        snprintf(name, sizeof name, "revocation/%04u", ++number);
        VS_TRY(put_bytes(o, name, ".ocsp", o->material.ocsp[i], err));
    }
    return VS_OK;
}

/* The export itself is the act by which an auditor reads content: its evidence is in the
 * journal before the bundle can be fetched. A recipient has what it was handed. */
static vs_rc open_content(struct one *o, enum vs_content_kind what, struct vs_content_view *ret,
                          struct vs_error *err)
{
    struct vs_relay *relay = o->slice->relay;
    if (o->party == VS_PARTY_AUDITOR)
        return vs_content_of(relay, o->arena, o->document_row, what, ret, err);
    return vs_content_open(relay, o->arena, &o->slice->caller, o->id, what, ret, err);
}

static vs_rc put_content(struct one *o, enum vs_content_kind what, const char *name,
                         struct vs_error *err)
{
    struct vs_content_view view;
    const char *path = path_of(o, name, "");
    if (path == NULL)
        return vs_fail_memory(err);
    VS_TRY(open_content(o, what, &view, err));
    vs_rc rc = vs_export_add(o->slice, path, view.source, err);
    vs_content_close(&view);
    return rc;
}

static vs_rc put_proof(struct one *o, const char *name, const struct vs_evidence *e,
                       struct vs_error *err)
{
    struct vs_journal *journal = o->slice->relay->journal;
    struct vs_bundle_proof proof = {.index = e->journal_index, .size = o->slice->log_size};
    struct vs_journal_log log;
    if (e->journal_epoch != vs_journal_epoch(journal)) {
        VS_TRY(vs_journal_log(journal, o->arena, e->journal_epoch, &log, err));
        proof.log = e->journal_epoch;
        proof.size = log.size;
    }
    VS_BUFFER text;
    vs_buffer_init(&text, JSON_MAX);
    memcpy(proof.evidence, e->id.bytes, sizeof proof.evidence);
    memcpy(proof.salt, e->salt, sizeof proof.salt);
    memcpy(proof.digest, e->digest, sizeof proof.digest);
    VS_TRY(vs_journal_inclusion_of(journal, e->journal_epoch, proof.index, proof.size,
                                   &proof.path, err));
    vs_bundle_proof_write(&text, &proof);
    VS_TRY(vs_buffer_check(&text, err));
    return put_bytes(o, name, ".json", vs_buffer_view(&text), err);
}

static vs_rc put_pieces(struct one *o, struct vs_error *err)
{
    for (size_t i = 0; i < o->n; i++) {
        struct vs_bytes record;
        const char *event =
            vs_bundle_evidence_name(o->arena, (unsigned)i + 1, o->pieces[i]->event);
        const char *name =
            event == NULL ? NULL : vs_arena_printf(o->arena, "evidence/%s", event);
        if (name == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_evidence_record(o->slice->relay, o->arena, o->pieces[i], &record, err));
        VS_TRY(put_bytes(o, name, ".ers", record, err));
        VS_TRY(put_proof(o, name, o->pieces[i], err));
        VS_TRY(put_bytes(o, name, ".xml", o->xml[i], err));
    }
    return VS_OK;
}

static vs_rc put_statement(struct one *o, struct vs_error *err)
{
    VS_BUFFER text;
    vs_buffer_init(&text, VS_BUNDLE_DOCUMENT_MAX);
    vs_bundle_document_write(&text, &o->document);
    VS_TRY(vs_buffer_check(&text, err));
    VS_TRY(put_bytes(o, "document.txt", "", vs_buffer_view(&text), err));
    vs_buffer_clear(&text);
    vs_bundle_csv_row(&text, &o->document);
    VS_TRY(vs_out_put(&o->slice->outs[VS_OUT_CSV], vs_buffer_view(&text), err));
    vs_buffer_clear(&text);
    vs_bundle_html_row(&text, &o->document);
    VS_TRY(vs_buffer_check(&text, err));
    return vs_out_put(&o->slice->outs[VS_OUT_HTML], vs_buffer_view(&text), err);
}

/* The folder, its files in the order of their names. */
static vs_rc put_folder(struct one *o, struct vs_error *err)
{
    struct vs_content_view view;
    VS_TRY(open_content(o, VS_CONTENT_ORIGINAL, &view, err));
    vs_rc rc = gather_material(o, view.source, err);
    vs_content_close(&view);
    VS_TRY(rc);
    VS_TRY(put_certificates(o, err));
    VS_TRY(put_content(o, VS_CONTENT_CONSIGNMENT, "consignment.asice", err));
    VS_TRY(put_statement(o, err));
    VS_TRY(put_pieces(o, err));
    VS_TRY(put_content(o, VS_CONTENT_ORIGINAL, o->document.file, err));
    return put_revocation(o, err);
}

vs_rc vs_export_document(struct vs_export_slice *slice, struct vs_id document, bool *ret,
                         struct vs_error *err)
{
    struct vs_access access;
    struct one *o = vs_arena_make(slice->one, struct one);
    *ret = false;
    if (o == NULL)
        return vs_fail_memory(err);
    o->slice = slice;
    o->arena = slice->one;
    o->id = document;
    vs_id_text(document, o->text);
    vs_rc rc = vs_access_find(slice->relay, o->arena, &slice->caller, document, &access, err);
    if (rc.code == VS_E_NOT_FOUND)
        return VS_OK;
    VS_TRY(rc);
    if (access.document == NULL)
        return VS_OK;
    o->party = access.party;
    o->document_row = access.document;
    o->row = access.document->values;
    VS_TRY(load_pieces(o, err));
    if (o->n == 0 || !vs_id_equal(o->pieces[0]->id, vs_value_id(&o->row[VS_DOCUMENT_EVIDENCE])))
        return VS_OK;
    VS_TRY(read_pieces(o, err));
    rc = put_folder(o, err);
    if (rc.code == VS_E_STATE && o->party == VS_PARTY_RECIPIENT)
        return VS_OK; /* seen by its recipient, not handed to it yet */
    *ret = vs_ok(rc);
    return rc;
}
