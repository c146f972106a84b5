#include "relay/seal/seal.h"
#include "formats/certificate/certificate.h"
#include "formats/container/asic.h"
#include "formats/evidence/erds.h"
#include "formats/signature/xades_make.h"
#include "relay/relay_priv.h"
#include "relay/seal/authority.h"
#include "relay/seal/keys.h"

#define SIGNED_MAX ((size_t)16 << 20)
#define CHAIN_MAX  8
#define SEAL_NAME  "META-INF/signatures0.xml"
/* Without a number: beside XAdES signatures DSS reads an evidence record by this name only. */
#define RECORD_NAME     "META-INF/evidencerecord.ers"
#define RECORD_MANIFEST "META-INF/ASiCEvidenceRecordManifest001.xml"
#define EVIDENCE_RECORD "META-INF/evidencerecord.ers"

/* A prepared signer with the certificate that it was prepared for; a new one is put before it
 * when the service's certificate was renewed, and both live as long as the sealer. */
struct prepared {
    struct vs_xades_signer *xades;
    struct vs_certificate *certificate; /* lives with the keys */
    struct prepared *older;
};

enum { SEAL, EVIDENCE, SIGNERS };
static const enum vs_purpose purpose_of[SIGNERS] = {VS_PURPOSE_SEAL, VS_PURPOSE_EVIDENCE};

struct vs_sealer {
    _Atomic(struct prepared *) newest[SIGNERS];
    pthread_mutex_t lock; /* one makes a new one */
};

/* -- signers ------------------------------------------------------------------------------- */

static vs_rc prepare(const struct vs_keys *keys, enum vs_purpose purpose, struct prepared **ret,
                     struct vs_error *err)
{
    struct vs_certificate *const *chain;
    size_t n = vs_keys_chain(keys, purpose, &chain);
    struct vs_bytes der[CHAIN_MAX];
    if (n == 0)
        return vs_fail(err, VS_E_KEY, NULL, "there is no certificate for %s",
                       vs_purpose_name(purpose));
    /* Without the root: whoever trusts it has it. */
    size_t used = n > 1 ? n - 1 : n;
    if (used > CHAIN_MAX)
        used = CHAIN_MAX;
    for (size_t i = 0; i < used; i++)
        der[i] = chain[i]->der;
    struct vs_xades_signer *xades;
    VS_TRY(vs_xades_signer_new(der, used, vs_keys_algorithm(keys, purpose), &xades, err));
    *ret = vs_heap_new(sizeof **ret);
    **ret = (struct prepared){.xades = xades, .certificate = chain[0]};
    return VS_OK;
}

static bool is_newest(const struct vs_keys *keys, enum vs_purpose purpose,
                      const struct prepared *prepared)
{
    struct vs_certificate *const *chain;
    return prepared != NULL && vs_keys_chain(keys, purpose, &chain) > 0 &&
           chain[0] == prepared->certificate;
}

static vs_rc signer_of(struct vs_relay *relay, unsigned which, const struct prepared **ret,
                       struct vs_error *err)
{
    struct vs_sealer *sealer = relay->sealer;
    enum vs_purpose purpose = purpose_of[which];
    struct prepared *prepared = atomic_load(&sealer->newest[which]);
    vs_rc rc = VS_OK;
    if (!is_newest(relay->keys, purpose, prepared)) {
        pthread_mutex_lock(&sealer->lock);
        struct prepared *older = prepared = atomic_load(&sealer->newest[which]);
        if (!is_newest(relay->keys, purpose, prepared))
            rc = prepare(relay->keys, purpose, &prepared, err);
        if (vs_ok(rc) && prepared != older) {
            prepared->older = older;
            atomic_store(&sealer->newest[which], prepared);
        }
        pthread_mutex_unlock(&sealer->lock);
    }
    *ret = prepared;
    return rc;
}

vs_rc vs_sealer_open(struct vs_relay *relay, struct vs_error *err)
{
    const struct prepared *unused;
    relay->sealer = vs_heap_new(sizeof *relay->sealer);
    pthread_mutex_init(&relay->sealer->lock, NULL);
    for (unsigned i = 0; i < SIGNERS; i++)
        VS_TRY(signer_of(relay, i, &unused, err));
    return VS_OK;
}

void vs_sealer_close(struct vs_relay *relay)
{
    if (relay->sealer == NULL)
        return;
    for (unsigned i = 0; i < SIGNERS; i++)
        for (struct prepared *p = atomic_load(&relay->sealer->newest[i]), *older; p != NULL;
             p = older) {
            older = p->older;
            vs_xades_signer_free(p->xades);
            vs_heap_free(p);
        }
    pthread_mutex_destroy(&relay->sealer->lock);
    vs_heap_free(relay->sealer);
    relay->sealer = NULL;
}

struct vs_bytes vs_sealer_evidence_certificate(const struct vs_relay *relay)
{
    return atomic_load(&relay->sealer->newest[EVIDENCE])->certificate->der;
}

static vs_rc sign_draft(struct vs_relay *relay, enum vs_purpose purpose,
                        const struct prepared *by, struct vs_xades_draft *draft,
                        struct vs_error *err)
{
    struct vs_signing signing = {.purpose = purpose,
                                 .certificate = by->certificate,
                                 .form = VS_SIGNATURE_RAW,
                                 .digest = *vs_xades_draft_digest(draft),
                                 .message = vs_xades_draft_message(draft)};
    VS_TRY(vs_keys_sign(relay->keys, &signing, 1, err));
    return vs_xades_set_value(draft, vs_signature_bytes(&signing.value), err);
}

static vs_rc write_draft(const struct vs_xades_draft *draft, struct vs_arena *arena,
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER out;
    vs_buffer_init(&out, SIGNED_MAX);
    VS_TRY(vs_xades_write(draft, &out, err));
    return vs_buffer_copy(&out, arena, ret, err);
}

vs_rc vs_seal_evidence(struct vs_relay *relay, struct vs_arena *arena, struct vs_bytes xml,
                       vs_time_ms now, struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_xades_options options = {.signing_time = now, .document = xml};
    struct vs_xades_draft *draft;
    const struct prepared *by;
    VS_TRY(signer_of(relay, EVIDENCE, &by, err));
    VS_TRY(vs_xades_prepare(arena, by->xades, &options, &draft, err));
    VS_TRY(sign_draft(relay, VS_PURPOSE_EVIDENCE, by, draft, err));
    return write_draft(draft, arena, ret, err);
}

/* -- the seal ------------------------------------------------------------------------------ */

static struct vs_digest sha256_value(const uint8_t bytes[32])
{
    struct vs_digest digest = {.algorithm = VS_SHA256, .len = 32};
    memcpy(digest.bytes, bytes, 32);
    return digest;
}

/* The original's name inside the consignment; its given name is in the evidence. */
static const char *object_name(struct vs_arena *arena, const char *given)
{
    static const char *const taken[] = {VS_ERDS_NAME};
    return vs_asic_safe_name(arena, given, taken, 1);
}

static vs_rc mark_seal(struct vs_relay *relay, struct vs_arena *arena,
                       struct vs_xades_draft *draft, struct vs_sealed *ret,
                       struct vs_error *err)
{
    struct vs_digest imprint;
    struct vs_mark mark;
    vs_xades_draft_imprint(draft, VS_SHA256, &imprint);
    vs_rc rc = vs_authority_mark(relay->authority, &imprint, arena, &mark, err);
    if (!vs_ok(rc) && relay->settings.mark_policy == VS_MARK_LATER)
        return VS_OK; /* an authority that is away never stops intake: the batch's mark serves
                       */
    VS_TRY(rc);
    vs_xades_set_timestamp(draft, mark.token);
    ret->mark = VS_SEAL_TOKEN;
    ret->mark_time = mark.time_ms;
    return VS_OK;
}

vs_rc vs_seal_make(struct vs_relay *relay, struct vs_arena *arena,
                   const struct vs_seal_input *input, vs_time_ms now, struct vs_sealed *ret,
                   struct vs_error *err)
{
    const char *name = object_name(arena, input->name);
    if (name == NULL)
        return vs_fail_memory(err);
    struct vs_xades_object objects[2] = {
        {.name = VS_ERDS_NAME,
         .media_type = VS_ERDS_TYPE,
         .digest = sha256_value(input->evidence)},
        {.name = name,
         .media_type = input->media_type,
         .digest = sha256_value(input->original)},
    };
    struct vs_xades_options options = {.signing_time = now, .objects = objects, .n_objects = 2};
    struct vs_xades_draft *draft;
    const struct prepared *by;
    VS_TRY(signer_of(relay, SEAL, &by, err));
    VS_TRY(vs_xades_prepare(arena, by->xades, &options, &draft, err));
    VS_TRY(sign_draft(relay, VS_PURPOSE_SEAL, by, draft, err));
    struct vs_sealed sealed = {.mark = VS_SEAL_BATCH, .mark_time = VS_TIME_NONE};
    if (input->own_mark || relay->settings.mark_policy == VS_MARK_WAIT)
        VS_TRY(mark_seal(relay, arena, draft, &sealed, err));
    VS_TRY(write_draft(draft, arena, &sealed.xml, err));
    vs_sha256(sealed.xml, sealed.digest);
    *ret = sealed;
    return VS_OK;
}

/* -- laying out ---------------------------------------------------------------------------- */

static vs_rc layout_record(struct vs_arena *arena, const struct vs_consignment *parts,
                           const char *name, struct vs_zip_part *ret, struct vs_error *err)
{
    struct vs_asic_covered covered[3] = {
        {VS_ERDS_NAME, VS_ERDS_TYPE, parts->evidence_digest},
        {name, parts->media_type, parts->original_digest},
        {SEAL_NAME, VS_ERDS_TYPE, parts->seal_digest},
    };
    struct vs_bytes manifest;
    VS_TRY(vs_asic_record_manifest(arena, covered, 3, &manifest, err));
    ret[0] = (struct vs_zip_part){.name = RECORD_MANIFEST, .bytes = manifest};
    ret[1] = (struct vs_zip_part){.name = RECORD_NAME, .bytes = parts->record};
    return VS_OK;
}

vs_rc vs_consignment_layout(struct vs_arena *arena, const struct vs_consignment *parts,
                            const struct vs_source **ret, struct vs_error *err)
{
    const char *name = object_name(arena, parts->name);
    if (name == NULL)
        return vs_fail_memory(err);
    struct vs_asic_object objects[2] = {
        {.part = {.name = VS_ERDS_NAME, .bytes = parts->evidence}, .media_type = VS_ERDS_TYPE},
        {.part = {.name = name,
                  .source = parts->original,
                  .source_crc32 = parts->original_crc32},
         .media_type = parts->media_type},
    };
    struct vs_zip_part proofs[3] = {{.name = SEAL_NAME, .bytes = parts->seal}};
    struct vs_asic_options options = {
        .kind = VS_ASIC_E, .objects = objects, .n_objects = 2, .proofs = proofs, .n_proofs = 1};
    if (parts->record.len > 0) {
        VS_TRY(layout_record(arena, parts, name, proofs + 1, err));
        options.n_proofs = 3;
    }
    return vs_asic_layout(arena, &options, ret, err);
}

vs_rc vs_evidence_layout(struct vs_arena *arena, struct vs_bytes evidence,
                         struct vs_bytes record, const struct vs_source **ret,
                         struct vs_error *err)
{
    struct vs_asic_object object = {.part = {.name = VS_ERDS_NAME, .bytes = evidence},
                                    .media_type = VS_ERDS_TYPE};
    struct vs_zip_part proof = {.name = EVIDENCE_RECORD, .bytes = record};
    struct vs_asic_options options = {
        .kind = VS_ASIC_S, .objects = &object, .n_objects = 1, .proofs = &proof, .n_proofs = 1};
    return vs_asic_layout(arena, &options, ret, err);
}
