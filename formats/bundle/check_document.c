/* One document's folder: what belongs together, and whether all of it holds. */
#include "formats/bundle/check_priv.h"
#include "formats/bundle/proof.h"
#include "formats/certificate/certificate.h"
#include "formats/container/asic.h"
#include "formats/evidence/evidence_record.h"

/* -- judging ------------------------------------------------------------------------------- */

static size_t join(struct vs_bytes *to, const struct vs_bytes *a, size_t n_a,
                   const struct vs_bytes *b, size_t n_b)
{
    if (n_a > 0)
        memcpy(to, a, n_a * sizeof *a);
    if (n_b > 0)
        memcpy(to + n_a, b, n_b * sizeof *b);
    return n_a + n_b;
}

vs_rc vs_bundle_judge(struct vs_bundle_run *run, const struct vs_validation_input *input,
                      const struct vs_bundle_material *more, const struct vs_report **ret,
                      struct vs_error *err)
{
    enum { ROOM = VS_BUNDLE_AUTHORITY_FILES + VS_BUNDLE_POOL };
    static const struct vs_bundle_material none;
    struct vs_bytes certificates[ROOM], crls[ROOM];
    struct vs_validation_input own = *input;
    struct vs_policy policy = *vs_policy_default();
    if (more == NULL)
        more = &none;
    policy.report_unsigned_files = true;
    own.at = run->options->at;
    own.trust = run->trust;
    own.policy = &policy;
    own.n_certificates = join(certificates, run->certificates, run->n_certificates,
                              more->certificates, more->n_certificates);
    own.certificates = certificates;
    own.n_crls = join(crls, run->crls, run->n_crls, more->crls, more->n_crls);
    own.crls = crls;
    own.ocsp = more->ocsp;
    own.n_ocsp = more->n_ocsp;
    return vs_validate(run->scratch, &own, ret, err);
}

static const char *why(const struct vs_reasons *errors, struct vs_verdict verdict)
{
    const char *sub = vs_sub_indication_text(verdict.sub);
    return errors->n > 0 ? errors->items[0].text : sub != NULL ? sub : "no reason given";
}

/* A refusal of the file's bytes is a finding; the disk's or memory's failure is not. */
static vs_rc refused(struct vs_bundle_run *run, vs_rc rc, const char *path, const char *rule,
                     struct vs_error *err)
{
    enum vs_class class = vs_code_info(rc.code)->class;
    if (class != VS_CLASS_REFUSED && class != VS_CLASS_CALLER)
        return rc;
    struct vs_error cause = *err;
    return vs_bundle_found(run, path, rule, cause.clause, err, "%s", cause.text);
}

/* PASSED goes on, FAILED is found, what stays open is told. */
static vs_rc settle(struct vs_bundle_run *run, const char *path, const char *rule,
                    struct vs_verdict verdict, const struct vs_reasons *errors,
                    struct vs_error *err)
{
    if (verdict.indication == VS_PASSED)
        return VS_OK;
    if (verdict.indication == VS_FAILED)
        return vs_bundle_found(run, path, rule, "EN 319 102-1", err, "%s",
                               why(errors, verdict));
    run->verdict.undetermined = true;
    vs_bundle_warn(run, path, "not determined: %s", why(errors, verdict));
    return VS_OK;
}

static vs_rc check_signer(struct vs_bundle_run *run, const char *path, struct vs_bytes der,
                          struct vs_error *err)
{
    VS_CERTIFICATE *signer = NULL;
    struct vs_error ignored;
    if (!vs_ok(vs_certificate_get(der, &signer, &ignored)))
        return vs_bundle_found(run, path, "signature", NULL, err,
                               "its signer's certificate cannot be read");
    if (run->signer.ptr == NULL) {
        run->signer = vs_bytes_copy(run->arena, signer->subject);
        run->verdict.signed_by = vs_name_text(run->arena, signer->subject);
        return run->signer.ptr == NULL || run->verdict.signed_by == NULL ? vs_fail_memory(err)
                                                                         : VS_OK;
    }
    if (!vs_name_equal(run->signer, signer->subject))
        return vs_bundle_found(run, path, "signature", NULL, err,
                               "it is signed by another than the bundle's origin");
    return VS_OK;
}

vs_rc vs_bundle_judge_evidence(struct vs_bundle_run *run, const char *path, struct vs_bytes xml,
                               vs_time_ms proved, const struct vs_bundle_material *more,
                               struct vs_erds *ret, struct vs_error *err)
{
    struct vs_bytes_source source;
    struct vs_validation_input input = {.document = &source.source, .proved = proved};
    const struct vs_report *report;
    vs_bytes_source_init(&source, xml);
    vs_rc rc = vs_erds_read(run->scratch, xml, ret, err);
    if (vs_ok(rc))
        rc = vs_bundle_judge(run, &input, more, &report, err);
    if (!vs_ok(rc))
        return refused(run, rc, path, "signature", err);
    if (report->n_signatures != 1 || report->signatures[0].n_signed_names != 1 ||
        report->signatures[0].signed_names[0][0] != '\0')
        return vs_bundle_found(run, path, "signature", NULL, err,
                               "it is not signed once and as a whole");
    const struct vs_signature_report *s = &report->signatures[0];
    VS_TRY(settle(run, path, "signature", s->verdict, &s->errors, err));
    return check_signer(run, path, s->certificate, err);
}

/* -- the folder ---------------------------------------------------------------------------- */

struct folder {
    struct vs_bundle_run *run;
    struct vs_bundle_material material;
    const struct vs_bundle_file *statement, *original, *consignment, *acceptance;
    struct vs_bundle_document document;
    unsigned number; /* of the piece of evidence under way, from 1 */
    uint64_t last_log, last_index;
    vs_time_ms proved; /* the acceptance existed, and with it what it names */
};

static vs_rc add_material(struct folder *f, const struct vs_bundle_file *file,
                          struct vs_error *err)
{
    struct vs_bundle_material *m = &f->material;
    struct vs_bytes name = vs_bytes_text(file->name);
    bool certificates = vs_text_starts(file->name, "certificates/");
    struct vs_bytes *to = NULL;
    size_t *n = NULL;
    if (certificates && vs_bytes_ends(name, ".cer"))
        to = m->certificates, n = &m->n_certificates;
    else if (!certificates && vs_bytes_ends(name, ".crl"))
        to = m->crls, n = &m->n_crls;
    else if (!certificates && vs_bytes_ends(name, ".ocsp"))
        to = m->ocsp, n = &m->n_ocsp;
    if (n == NULL || *n == VS_BUNDLE_POOL || file->bytes.ptr == NULL)
        return vs_bundle_found(f->run, file->path, "extra-file", NULL, err,
                               "no document has such a file, or so many of them");
    to[(*n)++] = file->bytes;
    return VS_OK;
}

static vs_rc sort_file(struct folder *f, const struct vs_bundle_file *file,
                       struct vs_error *err)
{
    if (vs_text_starts(file->name, "certificates/") ||
        vs_text_starts(file->name, "revocation/"))
        return add_material(f, file, err);
    const struct vs_bundle_file **to = strcmp(file->name, "consignment.asice") == 0
                                           ? &f->consignment
                                       : strcmp(file->name, "document.txt") == 0 ? &f->statement
                                       : vs_text_starts(file->name, "original.") ? &f->original
                                                                                 : NULL;
    if (vs_text_starts(file->name, "evidence/") && file->bytes.ptr != NULL)
        return VS_OK;
    if (to == NULL || *to != NULL)
        return vs_bundle_found(f->run, file->path, "extra-file", NULL, err,
                               "no document has such a file");
    *to = file;
    return VS_OK;
}

static vs_rc sort_files(struct folder *f, struct vs_error *err)
{
    const struct vs_bundle_run *run = f->run;
    for (size_t i = 0; i < run->n_files; i++)
        VS_TRY(sort_file(f, &run->files[i], err));
    const char *missing = f->consignment == NULL ? "consignment.asice"
                          : f->statement == NULL ? "document.txt"
                          : f->original == NULL  ? "its original"
                                                 : NULL;
    if (missing != NULL || f->statement->bytes.ptr == NULL)
        return vs_bundle_found(f->run, run->files[0].path, "missing-file", NULL, err,
                               "the document of this folder has no %s",
                               missing == NULL ? "readable document.txt" : missing);
    return VS_OK;
}

/* -- evidence ------------------------------------------------------------------------------ */

static vs_rc judge_record(struct folder *f, const struct vs_bundle_file *xml,
                          const struct vs_bundle_file *ers, vs_time_ms *ret,
                          struct vs_error *err)
{
    struct vs_content content = {"evidence.xml", xml->source};
    struct vs_validation_input input = {
        .document = ers->source, .contents = &content, .n_contents = 1};
    const struct vs_report *report;
    vs_rc rc = vs_bundle_judge(f->run, &input, &f->material, &report, err);
    if (!vs_ok(rc))
        return refused(f->run, rc, ers->path, "time-mark", err);
    if (report->form != VS_FORM_EVIDENCE_RECORD || report->n_evidence_records != 1)
        return vs_bundle_found(f->run, ers->path, "time-mark", "RFC 4998", err,
                               "it is no evidence record");
    const struct vs_evidence_record_report *r = &report->evidence_records[0];
    VS_TRY(settle(f->run, ers->path, "time-mark", r->verdict, &r->errors, err));
    *ret = r->verdict.indication == VS_PASSED ? r->gen_time : 0;
    return VS_OK;
}

/* Of the log that a proof names; NULL: the bundle has none of it. */
static const struct vs_checkpoint *note_of(const struct vs_bundle_run *run, uint64_t log)
{
    for (size_t i = 0; i < run->n_past && log != 0; i++)
        if (run->past[i].number == log)
            return &run->past[i].note;
    return log == 0 ? &run->note : NULL;
}

static vs_rc check_proof(struct folder *f, const struct vs_bundle_file *xml,
                         const struct vs_bundle_file *json, const struct vs_erds *erds,
                         struct vs_error *err)
{
    struct vs_bundle_proof proof;
    char id[33];
    if (!vs_bundle_proof_read(json->bytes, &proof))
        return vs_bundle_found(f->run, json->path, "form", NULL, err,
                               "it is not written as a proof is");
    vs_hex(VS_BYTES(proof.evidence, 16), id);
    if (memcmp(proof.digest, xml->sha256, 32) != 0 || !vs_text_equal(id, erds->id))
        return vs_bundle_found(f->run, json->path, "journal", NULL, err,
                               "it is the proof of other evidence");
    const struct vs_checkpoint *note = note_of(f->run, proof.log);
    if (note == NULL || proof.size != note->size)
        return vs_bundle_found(f->run, json->path, "journal", "RFC 9162, 2.1.3.2", err,
                               "it leads to another checkpoint than the bundle's");
    /* Earlier logs first, the newest (0) last. */
    uint64_t log = proof.log == 0 ? UINT64_MAX : proof.log;
    if (f->number > 1 &&
        (log < f->last_log || (log == f->last_log && proof.index <= f->last_index)))
        return vs_bundle_found(f->run, json->path, "journal", NULL, err,
                               "it does not stand in the journal's order");
    f->last_index = proof.index;
    f->last_log = log;
    if (!vs_bundle_proof_holds(&proof, &note->root))
        return vs_bundle_found(f->run, json->path, "journal", "RFC 9162, 2.1.3.2", err,
                               "the journal's checkpoint does not hold this evidence");
    return VS_OK;
}

/* Files come as NNNN-EVENT.ers, .json, .xml, in this order. */
static bool is_piece(const struct vs_bundle_file *file, const char *stem, const char *suffix)
{
    size_t len = strlen(stem);
    return strncmp(file->name, stem, len) == 0 && strcmp(file->name + len, suffix) == 0;
}

static vs_rc judge_piece(struct folder *f, size_t at, struct vs_error *err)
{
    struct vs_bundle_run *run = f->run;
    const struct vs_bundle_file *ers = &run->files[at];
    struct vs_bytes name = vs_bytes_text(ers->name);
    size_t stem_len = vs_bytes_ends(name, ".ers") ? name.len - 4 : name.len;
    char *stem = vs_arena_strndup(run->scratch, ers->name, stem_len);
    if (stem == NULL)
        return vs_fail_memory(err);
    if (at + 3 > run->n_files || !is_piece(ers, stem, ".ers") ||
        !is_piece(ers + 1, stem, ".json") || !is_piece(ers + 2, stem, ".xml"))
        return vs_bundle_found(run, ers->path, "missing-file", NULL, err,
                               "evidence, its record and its proof do not lie side by side");
    const struct vs_bundle_file *xml = ers + 2;
    vs_time_ms proved;
    struct vs_erds erds;
    VS_TRY(judge_record(f, xml, ers, &proved, err));
    VS_TRY(
        vs_bundle_judge_evidence(run, xml->path, xml->bytes, proved, &f->material, &erds, err));
    VS_TRY(check_proof(f, xml, ers + 1, &erds, err));
    const char *wanted = vs_arena_printf(
        run->scratch, "evidence/%s",
        vs_bundle_evidence_name(
            run->scratch, f->number,
            erds.event == VS_EVENT_UNKNOWN ? "unknown" : vs_event_info(erds.event)->name));
    if (wanted == NULL || strcmp(wanted, stem) != 0)
        return vs_bundle_found(run, xml->path, "document", NULL, err,
                               "its name is not that of its event and place");
    vs_rc rc = vs_bundle_document_take(run->scratch, &erds, &f->document, err);
    if (!vs_ok(rc))
        return refused(run, rc, xml->path, "document", err);
    if (f->number == 1) {
        f->acceptance = xml;
        f->proved = proved;
    }
    run->verdict.evidence++;
    return VS_OK;
}

static vs_rc judge_pieces(struct folder *f, struct vs_error *err)
{
    struct vs_bundle_run *run = f->run;
    for (size_t i = 0; i < run->n_files;) {
        if (!vs_text_starts(run->files[i].name, "evidence/")) {
            i++;
            continue;
        }
        f->number++;
        VS_TRY(judge_piece(f, i, err));
        i += 3;
    }
    if (f->number == 0)
        return vs_bundle_found(run, run->files[0].path, "missing-file", NULL, err,
                               "the document of this folder has no evidence");
    return VS_OK;
}

/* -- original and consignment -------------------------------------------------------------- */

static vs_rc judge_original(struct folder *f, struct vs_error *err)
{
    struct vs_bundle_run *run = f->run;
    struct vs_validation_input input = {.document = f->original->source, .proved = f->proved};
    const struct vs_report *report;
    const char *then = f->document.indication;
    if (memcmp(f->original->sha256, f->document.digest, 32) != 0)
        return vs_bundle_found(run, f->original->path, "document", "Art. 24", err,
                               "it is not the document that the evidence names");
    vs_rc rc = vs_bundle_judge(run, &input, &f->material, &report, err);
    bool passed = then != NULL && strcmp(then, vs_indication_text(VS_PASSED)) == 0;
    if (!vs_ok(rc)) {
        enum vs_class class = vs_code_info(rc.code)->class;
        if (class != VS_CLASS_REFUSED && class != VS_CLASS_CALLER)
            return rc;
        if (passed)
            return refused(run, rc, f->original->path, "signature", err);
        vs_bundle_warn(run, f->original->path, "%s", err->text);
        return VS_OK;
    }
    if (report->n_signatures == 0 || report->verdict.indication == VS_PASSED)
        return VS_OK;
    const struct vs_signature_report *s = &report->signatures[0];
    for (size_t i = 0; i < report->n_signatures; i++)
        if (report->signatures[i].verdict.indication > s->verdict.indication)
            s = &report->signatures[i];
    if (passed)
        return settle(run, f->original->path, "signature", s->verdict, &s->errors, err);
    vs_bundle_warn(run, f->original->path, "as when it was accepted (%s): %s",
                   then == NULL ? "not judged" : then, why(&s->errors, s->verdict));
    return VS_OK;
}

/* Whether the container holds the very original and the very acceptance. */
static vs_rc check_contents(struct folder *f, struct vs_error *err)
{
    const char *path = f->consignment->path;
    const struct vs_asic *asic;
    unsigned originals = 0, acceptances = 0, data = 0;
    VS_TRY(vs_asic_open(f->run->scratch, f->consignment->source, NULL, &asic, err));
    for (size_t i = 0; i < asic->n_entries; i++) {
        struct vs_part_source part;
        struct vs_digest digest;
        if (asic->entries[i].role != VS_ASIC_DATA)
            continue;
        data++;
        if (!vs_zip_stored(asic->zip, asic->entries[i].zip, &part))
            break;
        VS_TRY(vs_digest_source(VS_SHA256, &part.source, &digest, err));
        bool evidence = strcmp(asic->entries[i].zip->name, VS_ERDS_NAME) == 0;
        acceptances += evidence && memcmp(digest.bytes, f->acceptance->sha256, 32) == 0;
        originals += !evidence && memcmp(digest.bytes, f->original->sha256, 32) == 0;
    }
    if (data != 2 || originals != 1 || acceptances != 1)
        return vs_bundle_found(f->run, path, "document", "Art. 22.3", err,
                               "it does not hold this original and its acceptance alone");
    return VS_OK;
}

static vs_rc judge_consignment(struct folder *f, struct vs_error *err)
{
    struct vs_bundle_run *run = f->run;
    const char *path = f->consignment->path;
    struct vs_validation_input input = {.document = f->consignment->source};
    const struct vs_report *report;
    vs_rc rc = check_contents(f, err);
    if (vs_ok(rc))
        rc = vs_bundle_judge(run, &input, &f->material, &report, err);
    if (!vs_ok(rc))
        return run->found ? rc : refused(run, rc, path, "signature", err);
    if (report->n_signatures != 1)
        return vs_bundle_found(run, path, "signature", NULL, err, "it does not bear one seal");
    for (size_t i = 0; i < report->n_data; i++)
        if (!report->data[i].covered)
            return vs_bundle_found(run, path, "signature", NULL, err,
                                   "its seal does not cover %s", report->data[i].name);
    for (size_t i = 0; i < report->n_evidence_records; i++)
        VS_TRY(settle(run, path, "time-mark", report->evidence_records[i].verdict,
                      &report->evidence_records[i].errors, err));
    const struct vs_signature_report *s = &report->signatures[0];
    return settle(run, path, "signature", s->verdict, &s->errors, err);
}

/* -- the statement and the indexes --------------------------------------------------------- */

static vs_rc check_statement(struct folder *f, struct vs_error *err)
{
    struct vs_bundle_run *run = f->run;
    struct vs_bundle_document *d = &f->document;
    const char *path = f->statement->path;
    bool good = false;
    VS_BUFFER wanted;
    vs_buffer_init(&wanted, VS_BUNDLE_DOCUMENT_MAX);
    VS_TRY(vs_bundle_document_given(run->scratch, f->statement->bytes, d, &good, err));
    if (!good || strcmp(d->id, run->id) != 0 || strcmp(d->file, f->original->name) != 0 ||
        d->size != f->original->size)
        return vs_bundle_found(run, path, "document", NULL, err,
                               "it speaks of another document or file");
    vs_bundle_document_write(&wanted, d);
    VS_TRY(vs_buffer_check(&wanted, err));
    if (!vs_bytes_equal(vs_buffer_view(&wanted), f->statement->bytes))
        return vs_bundle_found(run, path, "document", NULL, err,
                               "it does not say what the evidence says");
    vs_buffer_clear(&wanted);
    vs_bundle_csv_row(&wanted, d);
    vs_hasher_add(run->csv, vs_buffer_view(&wanted));
    vs_buffer_clear(&wanted);
    vs_bundle_html_row(&wanted, d);
    vs_hasher_add(run->html, vs_buffer_view(&wanted));
    return vs_buffer_check(&wanted, err);
}

vs_rc vs_bundle_judge_document(struct vs_bundle_run *run, struct vs_error *err)
{
    struct folder *f = vs_arena_make(run->scratch, struct folder);
    if (f == NULL)
        return vs_fail_memory(err);
    f->run = run;
    VS_TRY(sort_files(f, err));
    VS_TRY(judge_pieces(f, err));
    VS_TRY(judge_original(f, err));
    VS_TRY(judge_consignment(f, err));
    return check_statement(f, err);
}
