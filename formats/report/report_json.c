#include "formats/report/report_json.h"
#include <jansson.h>

/* jansson returns NULL when memory is out and takes NULL as a failure of the outer call, so
 * that one check at the end suffices: a failed part leaves `failed` set. */
struct writer {
    bool failed;
};

static void put(struct writer *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        w->failed = true;
}

static json_t *text(const char *value)
{
    /* Names come from certificates and containers: what is not UTF-8 was refused by their
     * readers, but a report must never fail for a name. */
    if (value == NULL)
        return json_null();
    json_t *string = json_string(value);
    return string != NULL ? string : json_null();
}

static json_t *moment(vs_time_ms t)
{
    if (t == VS_TIME_NONE)
        return json_null();
    char buffer[VS_TIME_TEXT];
    vs_time_text(t, buffer);
    return json_string(buffer);
}

static json_t *reasons(struct writer *w, const struct vs_reasons *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n; i++) {
        json_t *one = json_object();
        put(w, one, "clause", text(list->items[i].clause));
        put(w, one, "text", text(list->items[i].text));
        if (json_array_append_new(array, one) != 0)
            w->failed = true;
    }
    return array;
}

static void put_reasons(struct writer *w, json_t *object, const struct vs_reasons *errors,
                        const struct vs_reasons *warnings)
{
    put(w, object, "errors", reasons(w, errors));
    put(w, object, "warnings", reasons(w, warnings));
}

static void put_signed_names(struct writer *w, json_t *object,
                             const struct vs_signature_report *s)
{
    json_t *names = json_array();
    for (size_t i = 0; i < s->n_signed_names; i++)
        if (json_array_append_new(names, text(s->signed_names[i])) != 0)
            w->failed = true;
    put(w, object, "signed", names);
}

static json_t *stages(struct writer *w, const struct vs_stages *stages)
{
    json_t *object = json_object();
    put(w, object, "data_match", text(vs_indication_token_text(stages->data_match)));
    put(w, object, "certificate_holds",
        text(vs_indication_token_text(stages->certificate_holds)));
    put(w, object, "signature_verifies",
        text(vs_indication_token_text(stages->signature_verifies)));
    return object;
}

static json_t *signature(struct writer *w, const struct vs_signature_report *s)
{
    json_t *object = json_object();
    put(w, object, "id", text(s->id));
    put(w, object, "file", text(s->file));
    put(w, object, "indication", text(vs_indication_text(s->verdict.indication)));
    put(w, object, "sub_indication", text(vs_sub_indication_text(s->verdict.sub)));
    put(w, object, "level", text(s->level_text));
    put(w, object, "algorithm", text(s->algorithm));
    put(w, object, "signed_by", text(s->signed_by));
    put(w, object, "best_signature_time", moment(s->best_signature_time));
    put(w, object, "claimed_signing_time", moment(s->claimed_time));
    put(w, object, "counter_of", text(s->counter_of));
    put_signed_names(w, object, s);
    put(w, object, "legal_class", text(vs_legal_class_text(s->legal_class)));
    put(w, object, "legal_class_within_reach", text(vs_legal_class_text(s->legal_reach)));
    put(w, object, "legal_class_lacks", reasons(w, &s->legal_lacks));
    put(w, object, "qualified", json_boolean(s->qualified));
    put(w, object, "certified_means", json_boolean(s->certified_means));
    put(w, object, "seal", json_boolean(s->seal));
    put(w, object, "accredited", json_boolean(s->accredited));
    put(w, object, "stages", stages(w, &s->stages));
    put_reasons(w, object, &s->errors, &s->warnings);
    return object;
}

static const char *timestamp_kind(enum vs_timestamp_kind kind)
{
    static const char *const texts[] = {"signature",  "content",  "archive",
                                        "references", "document", "evidence-record"};
    return texts[kind];
}

static json_t *timestamp(struct writer *w, const struct vs_timestamp_report *t)
{
    json_t *object = json_object();
    put(w, object, "indication", text(vs_indication_token_text(t->verdict.indication)));
    put(w, object, "sub_indication", text(vs_sub_indication_text(t->verdict.sub)));
    put(w, object, "kind", text(timestamp_kind(t->kind)));
    put(w, object, "signature", t->signature < 0 ? json_null() : json_integer(t->signature));
    put(w, object, "time", moment(t->gen_time));
    put(w, object, "accuracy_ms", json_integer(t->accuracy_ms));
    put(w, object, "signed_by", text(t->signed_by));
    put(w, object, "policy", text(t->policy));
    put(w, object, "accredited", json_boolean(t->accredited));
    put_reasons(w, object, &t->errors, &t->warnings);
    return object;
}

static json_t *evidence_record(struct writer *w, const struct vs_evidence_record_report *e)
{
    json_t *object = json_object();
    put(w, object, "indication", text(vs_indication_token_text(e->verdict.indication)));
    put(w, object, "sub_indication", text(vs_sub_indication_text(e->verdict.sub)));
    put(w, object, "signature", e->signature < 0 ? json_null() : json_integer(e->signature));
    put(w, object, "time", moment(e->gen_time));
    put_reasons(w, object, &e->errors, &e->warnings);
    return object;
}

static json_t *data(struct writer *w, const struct vs_data_report *d)
{
    json_t *object = json_object();
    put(w, object, "name", text(d->name));
    put(w, object, "size", json_integer((json_int_t)d->size));
    put(w, object, "covered", json_boolean(d->covered));
    return object;
}

static json_t *need(struct writer *w, const struct vs_need *n)
{
    static const char *const kinds[] = {"ocsp", "crl", "issuer"};
    json_t *object = json_object();
    put(w, object, "kind", text(kinds[n->kind]));
    put(w, object, "url", text(n->url));
    return object;
}

/* An array of `n` items of `size` bytes, each made by `make`. */
#define PUT_ARRAY(key, make, items, n)                                                         \
    do {                                                                                       \
        json_t *array_ = json_array();                                                         \
        for (size_t i_ = 0; i_ < (n); i_++)                                                    \
            if (json_array_append_new(array_, make(&w, &(items)[i_])) != 0)                    \
                w.failed = true;                                                               \
        put(&w, root, key, array_);                                                            \
    } while (0)

static int append(const char *bytes, size_t len, void *buffer)
{
    vs_buffer_add(buffer, VS_BYTES(bytes, len));
    return 0;
}

static vs_rc finish(json_t *root, bool failed, bool pretty, struct vs_buffer *out,
                    struct vs_error *err)
{
    size_t flags = pretty ? JSON_INDENT(2) : JSON_COMPACT;
    if (failed || json_dump_callback(root, append, out, flags) != 0) {
        json_decref(root);
        return vs_fail(err, VS_E_NOMEM, NULL, "no memory for a report");
    }
    json_decref(root);
    return vs_buffer_check(out, err);
}

vs_rc vs_report_json(const struct vs_report *report, bool pretty, struct vs_buffer *out,
                     struct vs_error *err)
{
    struct writer w = {false};
    json_t *root = json_object();
    /* Without a signature the overall word is that of a time mark: never TOTAL-PASSED. */
    put(&w, root, "indication",
        text(report->n_signatures > 0 ? vs_indication_text(report->verdict.indication)
                                      : vs_indication_token_text(report->verdict.indication)));
    put(&w, root, "sub_indication", text(vs_sub_indication_text(report->verdict.sub)));
    put(&w, root, "form", text(vs_document_form_text(report->form)));
    put(&w, root, "validation_time", moment(report->at));
    PUT_ARRAY("signatures", signature, report->signatures, report->n_signatures);
    PUT_ARRAY("timestamps", timestamp, report->timestamps, report->n_timestamps);
    PUT_ARRAY("evidence_records", evidence_record, report->evidence_records,
              report->n_evidence_records);
    PUT_ARRAY("data", data, report->data, report->n_data);
    PUT_ARRAY("needs", need, report->needs, report->n_needs);
    put_reasons(&w, root, &report->errors, &report->warnings);
    return finish(root, w.failed, pretty, out, err);
}

vs_rc vs_report_json_refusal(const struct vs_error *refusal, struct vs_buffer *out,
                             struct vs_error *err)
{
    struct writer w = {false};
    json_t *root = json_object();
    json_t *error = json_object();
    put(&w, error, "code", text(vs_code_info(refusal->code)->name));
    put(&w, error, "message", text(refusal->text));
    put(&w, error, "clause", text(refusal->clause));
    put(&w, root, "error", error);
    return finish(root, w.failed, false, out, err);
}
