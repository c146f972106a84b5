#include "tests/support/documents.h"
#include "formats/certificate/ocsp_make.h"
#include "formats/container/asic.h"
#include "formats/signature/xades_make.h"
#include "formats/timestamp/authority.h"
#include "formats/trustlist/trust.h"

#define MUST(call)                                                                             \
    do {                                                                                       \
        struct vs_error err = {0};                                                             \
        vs_rc must_rc_ = (call);                                                               \
        if (!vs_ok(must_rc_))                                                                  \
            vs_bug(__FILE__, __LINE__, err.text);                                              \
    } while (0)

struct vs_bytes test_ocsp(struct vs_pki *pki, const struct vs_pki_party *party,
                          const struct vs_pki_party *responder, vs_time_ms at,
                          enum vs_revocation_status status, vs_time_ms revoked_at)
{
    VS_CERTIFICATE *certificate = NULL;
    VS_CERTIFICATE *issuer = NULL;
    struct vs_ocsp_request asked;
    struct vs_bytes ret;
    if (responder == NULL)
        responder = &pki->ocsp;
    MUST(vs_certificate_get(party->certificate, &certificate, &err));
    MUST(vs_certificate_get(pki->authority.certificate, &issuer, &err));
    VS_BUFFER request;
    vs_buffer_init(&request, 4096);
    vs_ocsp_request_encode(certificate, issuer, VS_BYTES_NONE, &request);
    MUST(vs_ocsp_request_decode(pki->arena, vs_buffer_view(&request), &asked, &err));
    struct vs_ocsp_responder by = {responder->certificate, &responder->signer};
    struct vs_ocsp_answer answer = {.cert_id = asked.raw_ids[0],
                                    .statement = {.status = status,
                                                  .revoked_at = revoked_at,
                                                  .reason = -1,
                                                  .this_update = at,
                                                  .next_update = at + VS_HOUR_MS,
                                                  .archive_cutoff = VS_TIME_NONE}};
    VS_BUFFER out;
    vs_buffer_init(&out, 65536);
    MUST(vs_ocsp_make(&by, &answer, 1, VS_BYTES_NONE, at, &out, &err));
    MUST(vs_buffer_copy(&out, pki->arena, &ret, &err));
    return ret;
}

struct vs_bytes test_token(struct vs_pki *pki, const struct vs_pki_party *tsa,
                           const struct vs_digest *imprint, vs_time_ms at)
{
    static uint8_t serial[4];
    struct vs_timestamp_request asked = {.imprint = *imprint, .cert_req = true};
    struct vs_timestamp_response response;
    enum vs_pki_failure refusal;
    struct vs_tsa *made;
    struct vs_bytes der;
    if (tsa == NULL)
        tsa = &pki->tsa;
    struct vs_tsa_settings settings = {
        .policy = "1.2.3.4", .accuracy_ms = 1000, .chain = &tsa->certificate, .n_chain = 1};
    VS_BUFFER request;
    vs_buffer_init(&request, 4096);
    vs_timestamp_request_encode(&asked, &request);
    MUST(vs_tsa_new(&settings, &made, &err));
    serial[0] = 1;
    serial[3]++;
    struct vs_tsa_moment moment = {at, VS_BYTES(serial, sizeof serial), &tsa->signer};
    VS_BUFFER out;
    vs_buffer_init(&out, 65536);
    MUST(vs_tsa_answer(made, vs_buffer_view(&request), &moment, &out, &refusal, &err));
    vs_tsa_free(made);
    MUST(vs_buffer_copy(&out, pki->arena, &der, &err));
    MUST(vs_timestamp_response_decode(der, &response, &err));
    VS_ASSERT(response.token.len > 0);
    return response.token;
}

struct vs_trust *test_trust(struct vs_pki *pki)
{
    struct vs_trust *trust = vs_trust_new();
    MUST(vs_trust_add_pem(trust, pki->authority.certificate, false, &err));
    return trust;
}

/* -- the signature ------------------------------------------------------------------------- */

static void sign_value(const struct vs_pki_party *signer, struct vs_xades_draft *draft,
                       struct vs_signature_algorithm algorithm, bool broken)
{
    struct vs_signature_value value;
    MUST(vs_key_sign(signer->key, algorithm, vs_xades_draft_digest(draft), VS_SIGNATURE_RAW,
                     &value, &err));
    if (broken)
        value.bytes[value.len / 2] ^= 1;
    MUST(vs_xades_set_value(draft, vs_signature_bytes(&value), &err));
}

static void extend(struct vs_pki *pki, const struct test_document *d,
                   const struct vs_pki_party *signer, struct vs_xades_draft *draft,
                   struct vs_xades_validation_data *data, struct vs_bytes *ocsp)
{
    struct vs_digest imprint;
    vs_time_ms marked = d->marked_at != 0 ? d->marked_at : d->signed_at + VS_SECOND_MS;
    vs_time_ms answered = d->answered_at != 0 ? d->answered_at : marked + VS_SECOND_MS;
    const struct vs_pki_party *tsa = d->tsa != NULL ? d->tsa : &pki->tsa;
    if (d->level < VS_LEVEL_T)
        return;
    vs_xades_draft_imprint(draft, VS_SHA256, &imprint);
    if (d->wrong_imprint)
        imprint.bytes[0] ^= 1;
    vs_xades_set_timestamp(draft, test_token(pki, tsa, &imprint, marked));
    if (d->level < VS_LEVEL_LT)
        return;
    ocsp[0] =
        test_ocsp(pki, signer, NULL, answered,
                  d->status == VS_STATUS_UNKNOWN ? VS_STATUS_GOOD : d->status, d->revoked_at);
    ocsp[1] = test_ocsp(pki, tsa, NULL, answered, VS_STATUS_GOOD, 0);
    data->certificates = &pki->authority.certificate;
    data->n_certificates = 1;
    data->ocsp_responses = ocsp;
    data->n_ocsp_responses = d->tsa_unanswered ? 1 : 2;
    vs_xades_set_validation_data(draft, data);
}

static struct vs_bytes signature_of(struct vs_pki *pki, const struct test_document *d)
{
    const struct vs_pki_party *signer = d->signer != NULL ? d->signer : &pki->person;
    struct vs_xades_object object = {.name = "document.txt", .media_type = "text/plain"};
    struct vs_xades_options options = {
        .signing_time = d->signed_at, .objects = &object, .n_objects = 1};
    struct vs_signature_algorithm algorithm = vs_key_default_algorithm(signer->key);
    struct vs_bytes chain[2] = {signer->certificate, pki->authority.certificate}, ret, ocsp[2];
    struct vs_xades_validation_data data = {0};
    struct vs_xades_signer *xades;
    struct vs_xades_draft *draft;
    if (d->certificate.len > 0)
        chain[0] = d->certificate;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(TEST_CONTENT), &object.digest);
    MUST(vs_xades_signer_new(chain, 2, algorithm, &xades, &err));
    MUST(vs_xades_prepare(pki->arena, xades, &options, &draft, &err));
    sign_value(signer, draft, algorithm, d->broken_value);
    extend(pki, d, signer, draft, &data, ocsp);
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    MUST(vs_xades_write(draft, &out, &err));
    vs_xades_signer_free(xades);
    MUST(vs_buffer_copy(&out, pki->arena, &ret, &err));
    return ret;
}

struct vs_bytes test_document_make(struct vs_pki *pki, const struct test_document *d)
{
    const char *content = d->altered != NULL ? d->altered : TEST_CONTENT;
    struct vs_zip_part proof = {.name = "META-INF/signatures0.xml",
                                .bytes = signature_of(pki, d)};
    struct vs_asic_object objects[2] = {
        {{.name = d->no_data ? "other.txt" : "document.txt", .bytes = vs_bytes_text(content)},
         "text/plain"},
        {{.name = "rider.txt", .bytes = VS_BYTES_LITERAL("not signed")}, "text/plain"}};
    struct vs_asic_options options = {.kind = VS_ASIC_E,
                                      .objects = objects,
                                      .n_objects = d->unsigned_file ? 2 : 1,
                                      .proofs = &proof,
                                      .n_proofs = 1};
    const struct vs_source *laid;
    struct vs_bytes ret;
    MUST(vs_asic_layout(pki->arena, &options, &laid, &err));
    MUST(vs_source_all(laid, pki->arena, 1 << 22, &ret, &err));
    return ret;
}
