#include "formats/validation/context.h"
#include "formats/crypto/digest.h"

void vs_context_init(struct vs_context *context, struct vs_arena *arena,
                     const struct vs_validation_input *input, struct vs_report *report)
{
    /* Not zeroed as a whole: the pools are large and only their used part counts. */
    context->arena = arena;
    context->input = input;
    context->policy = input->policy != NULL ? input->policy : vs_policy_default();
    context->report = report;
    context->room_signatures = context->room_timestamps = 0;
    context->room_records = context->room_needs = 0;
    context->n_certificates = context->n_ocsp = context->n_crls = context->n_asked = 0;
    context->poes = NULL;
    context->n_poes = context->room_poes = 0;
    context->kept = NULL;
    for (size_t i = 0; i < input->n_certificates; i++)
        vs_context_add_certificate(context, input->certificates[i], NULL);
    for (size_t i = 0; i < input->n_ocsp; i++)
        vs_context_add_ocsp(context, input->ocsp[i]);
    for (size_t i = 0; i < input->n_crls; i++)
        vs_context_add_crl(context, input->crls[i]);
}

void vs_context_done(struct vs_context *context)
{
    for (size_t i = 0; i < context->n_certificates; i++)
        vs_certificate_unref((struct vs_certificate *)context->certificates[i]);
    context->n_certificates = 0;
    for (struct vs_kept *k = context->kept; k != NULL; k = k->next)
        k->free(k->object);
    context->kept = NULL;
}

vs_rc vs_context_keep(struct vs_context *context, void *object,
                      void (*free_object)(void *object), struct vs_error *err)
{
    struct vs_kept *kept = vs_arena_make(context->arena, struct vs_kept);
    if (kept == NULL) {
        free_object(object);
        return vs_fail_memory(err);
    }
    *kept = (struct vs_kept){object, free_object, context->kept};
    context->kept = kept;
    return VS_OK;
}

void vs_context_add_certificate(struct vs_context *context, struct vs_bytes der,
                                const struct vs_certificate **ret)
{
    struct vs_certificate *certificate;
    if (ret != NULL)
        *ret = NULL;
    if (!vs_ok(vs_certificate_get(der, &certificate, NULL)))
        return;
    for (size_t i = 0; i < context->n_certificates; i++)
        if (vs_certificate_same(context->certificates[i], certificate)) {
            vs_certificate_unref(certificate);
            if (ret != NULL)
                *ret = context->certificates[i];
            return;
        }
    if (context->n_certificates == VS_POOL_MAX) {
        vs_certificate_unref(certificate);
        return;
    }
    context->certificates[context->n_certificates++] = certificate;
    if (ret != NULL)
        *ret = certificate;
}

void vs_context_add_ocsp(struct vs_context *context, struct vs_bytes der)
{
    const struct vs_ocsp *response;
    for (size_t i = 0; i < context->n_ocsp; i++)
        if (vs_bytes_equal(context->ocsp[i]->der, der))
            return;
    if (context->n_ocsp < VS_POOL_MAX &&
        vs_ok(vs_ocsp_decode(context->arena, der, &response, NULL)) && response->status == 0)
        context->ocsp[context->n_ocsp++] = response;
}

void vs_context_add_crl(struct vs_context *context, struct vs_bytes der)
{
    const struct vs_crl *crl;
    for (size_t i = 0; i < context->n_crls; i++)
        if (vs_bytes_equal(context->crls[i]->der, der))
            return;
    if (context->n_crls < VS_POOL_MAX && vs_ok(vs_crl_decode(context->arena, der, &crl, NULL)))
        context->crls[context->n_crls++] = crl;
}

void vs_context_look_up(struct vs_context *context, const struct vs_certificate *certificate,
                        const struct vs_certificate *issuer)
{
    enum { ROOM = 8 };
    const struct vs_revocation_lookup *lookup = context->input->lookup;
    if (lookup == NULL || context->n_asked == VS_POOL_MAX)
        return;
    for (size_t i = 0; i < context->n_asked; i++)
        if (context->asked[i] == certificate)
            return;
    context->asked[context->n_asked++] = certificate;
    struct vs_bytes ocsp[ROOM], crls[ROOM];
    size_t n_ocsp = 0, n_crls = 0;
    lookup->find(lookup->context, context->arena, certificate->der, issuer->der, ocsp, &n_ocsp,
                 crls, &n_crls, ROOM);
    for (size_t i = 0; i < n_ocsp; i++)
        vs_context_add_ocsp(context, ocsp[i]);
    for (size_t i = 0; i < n_crls; i++)
        vs_context_add_crl(context, crls[i]);
}

/* -- growing lists ------------------------------------------------------------------------- */

/* One more place in an array of the report; NULL: the arena is full. */
static void *grow(struct vs_context *context, void **items, size_t *n, size_t *room,
                  size_t size)
{
    if (*n == *room) {
        size_t wanted = *room == 0 ? 4 : 2 * *room;
        uint8_t *grown = vs_arena_array(context->arena, wanted, size);
        if (grown == NULL)
            return NULL;
        if (*n > 0)
            memcpy(grown, *items, *n * size);
        *items = grown;
        *room = wanted;
    }
    return (uint8_t *)*items + (*n)++ * size;
}

struct vs_signature_report *vs_context_new_signature(struct vs_context *context)
{
    void *items = context->report->signatures;
    struct vs_signature_report *s = grow(context, &items, &context->report->n_signatures,
                                         &context->room_signatures, sizeof *s);
    context->report->signatures = items;
    if (s != NULL)
        s->claimed_time = s->best_signature_time = VS_TIME_NONE;
    return s;
}

struct vs_timestamp_report *vs_context_new_timestamp(struct vs_context *context)
{
    void *items = context->report->timestamps;
    struct vs_timestamp_report *t = grow(context, &items, &context->report->n_timestamps,
                                         &context->room_timestamps, sizeof *t);
    context->report->timestamps = items;
    if (t != NULL) {
        t->gen_time = VS_TIME_NONE;
        t->signature = -1;
    }
    return t;
}

struct vs_evidence_record_report *vs_context_new_record(struct vs_context *context)
{
    void *items = context->report->evidence_records;
    struct vs_evidence_record_report *r =
        grow(context, &items, &context->report->n_evidence_records, &context->room_records,
             sizeof *r);
    context->report->evidence_records = items;
    if (r != NULL) {
        r->gen_time = VS_TIME_NONE;
        r->signature = -1;
    }
    return r;
}

/* -- needs --------------------------------------------------------------------------------- */

static void add_need(struct vs_context *context, const struct vs_need *need)
{
    struct vs_report *report = context->report;
    for (size_t i = 0; i < report->n_needs; i++)
        if (report->needs[i].kind == need->kind &&
            vs_text_equal(report->needs[i].url, need->url) &&
            vs_bytes_equal(report->needs[i].certificate, need->certificate))
            return;
    void *items = report->needs;
    struct vs_need *place =
        grow(context, &items, &report->n_needs, &context->room_needs, sizeof *place);
    report->needs = items;
    if (place != NULL)
        *place = *need;
}

static void add_needs(struct vs_context *context, const struct vs_certificate *certificate,
                      enum vs_address which, struct vs_need need)
{
    const char *const *urls;
    size_t n;
    if (!vs_ok(vs_certificate_addresses(context->arena, certificate, which, &urls, &n, NULL)))
        return;
    need.certificate = vs_bytes_copy(context->arena, certificate->der);
    for (size_t i = 0; i < n && need.certificate.ptr != NULL; i++) {
        need.url = urls[i];
        add_need(context, &need);
    }
}

void vs_context_need_status(struct vs_context *context,
                            const struct vs_certificate *certificate,
                            const struct vs_certificate *issuer, vs_time_ms at)
{
    struct vs_need need = {
        .issuer = vs_bytes_copy(context->arena, issuer->der), .anchored = true, .at = at};
    need.kind = VS_NEED_OCSP;
    add_needs(context, certificate, VS_ADDRESS_OCSP, need);
    need.kind = VS_NEED_CRL;
    add_needs(context, certificate, VS_ADDRESS_CRL, need);
}

void vs_context_need_issuer(struct vs_context *context,
                            const struct vs_certificate *certificate)
{
    struct vs_need need = {.kind = VS_NEED_ISSUER, .at = context->input->at};
    add_needs(context, certificate, VS_ADDRESS_ISSUERS, need);
}

/* -- proofs of existence ------------------------------------------------------------------- */

void vs_poe_add(struct vs_context *context, struct vs_bytes object, vs_time_ms time)
{
    uint8_t digest[32];
    vs_sha256(object, digest);
    for (size_t i = 0; i < context->n_poes; i++)
        if (memcmp(context->poes[i].digest, digest, 32) == 0) {
            if (time < context->poes[i].time)
                context->poes[i].time = time;
            return;
        }
    void *items = context->poes;
    struct vs_poe *place =
        grow(context, &items, &context->n_poes, &context->room_poes, sizeof *place);
    context->poes = items;
    if (place == NULL)
        return;
    memcpy(place->digest, digest, 32);
    place->time = time;
}

vs_time_ms vs_poe_of(const struct vs_context *context, struct vs_bytes object)
{
    vs_time_ms best = vs_context_proved(context);
    if (context->n_poes == 0)
        return best;
    uint8_t digest[32];
    vs_sha256(object, digest);
    for (size_t i = 0; i < context->n_poes; i++)
        if (memcmp(context->poes[i].digest, digest, 32) == 0 && context->poes[i].time < best)
            best = context->poes[i].time;
    return best;
}
