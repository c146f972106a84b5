/* Certificates for others: persons, organisations, principals. */
#include "formats/certificate/identity.h"
#include "relay/centre/centre_priv.h"

#define DAYS_MAX 1825

static bool unsound(const char *text, size_t max)
{
    return text != NULL && (strlen(text) > max || vs_text_has_controls(vs_bytes_text(text)));
}

/* RFC 5280, A.1 bounds the lengths (in characters; we count bytes, which is stricter). */
static vs_rc holder_check(const struct vs_holder *h, struct vs_error *err)
{
    const struct {
        const char *name, *text;
        size_t max;
    } fields[] = {{"common_name", h->common_name, 200},
                  {"surname", h->surname, 200},
                  {"given_name", h->given_name, 200},
                  {"pseudonym", h->pseudonym, 128},
                  {"title", h->title, 128},
                  {"email", h->email, 255},
                  {"organisation", h->organisation, 200},
                  {"organisation_identifier", h->organisation_identifier, 128},
                  {"person_identifier", h->person_identifier, 64}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        VS_REFUSE_IF(unsound(fields[i].text, fields[i].max), err, VS_E_PARAMETER,
                     "RFC 5280, A.1", "%s: too long, or it has control characters",
                     fields[i].name);
    VS_REFUSE_IF(h->common_name == NULL || h->common_name[0] == '\0', err, VS_E_PARAMETER,
                 "Art. 12.1.3", "common_name: the holder's name or pseudonym is required");
    VS_REFUSE_IF(h->days < 0 || h->days > DAYS_MAX, err, VS_E_PARAMETER, "Art. 12.1.4",
                 "days: from 1 to %d", DAYS_MAX);
    VS_REFUSE_IF(h->kind == VS_HOLDER_ORGANISATION && h->organisation == NULL, err,
                 VS_E_PARAMETER, "EN 319 412-3, 4.2.1",
                 "organisation: required in an organisation's certificate");
    VS_REFUSE_IF(h->request.len == 0 && h->passphrase.len == 0, err, VS_E_PARAMETER, NULL,
                 "passphrase: a key that is made here is given out encrypted only");
    return VS_OK;
}

/* The public key to certify: the request's, or that of a new key. */
static vs_rc holder_key(struct vs_centre *centre, const struct vs_holder *holder,
                        vs_time_ms now, struct vs_key **ret_key, struct vs_bytes *ret_spki,
                        struct vs_error *err)
{
    if (holder->request.len > 0) {
        struct vs_certificate_request request;
        VS_TRY(vs_certificate_request_decode(holder->request, now, &request, err));
        *ret_spki = request.spki;
        return VS_OK;
    }
    VS_TRY(vs_key_generate(centre->settings.key_kind, ret_key, err));
    *ret_spki = vs_public_key_spki(vs_key_public(*ret_key));
    return VS_OK;
}

static vs_rc pack(struct vs_centre *centre, struct vs_arena *arena,
                  const struct vs_holder *holder, struct vs_key *key,
                  struct vs_bytes certificate, struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_bytes others[] = {centre->authorities[CA]->der, centre->authorities[ROOT]->der};
    struct vs_pkcs12 content = {
        .key = key, .certificate = certificate, .others = others, .n_others = 2};
    VS_BUFFER p12;
    vs_buffer_init(&p12, (size_t)256 * 1024);
    VS_TRY(vs_pkcs12_encode(&content, holder->common_name, holder->passphrase, &p12, err));
    return vs_buffer_copy(&p12, arena, ret, err);
}

static vs_rc enter(struct vs_centre *centre, struct vs_arena *arena,
                   const struct vs_holder *holder, struct vs_bytes der, const char *officer,
                   vs_time_ms now, struct vs_error *err)
{
    VS_CERTIFICATE *certificate = NULL;
    VS_TRY(vs_certificate_decode(der, &certificate, err));
    const char *subject = vs_name_text(arena, certificate->subject);
    if (subject == NULL)
        return vs_fail_memory(err);
    struct entry entry = {
        .serial = certificate->serial,
        .der = der,
        .issuer = authority_name(CA),
        .profile = vs_centre_holder_profile(holder->kind),
        .subject = subject,
        .identifier = holder->organisation_identifier != NULL ? holder->organisation_identifier
                                                              : holder->person_identifier,
        .not_before = certificate->not_before,
        .not_after = certificate->not_after,
        .client = holder->kind == VS_HOLDER_CLIENT,
    };
    return vs_centre_enter(centre, &entry, officer, now, err);
}

vs_rc vs_centre_issue(struct vs_centre *centre, struct vs_arena *arena,
                      const struct vs_holder *holder, const char *officer, vs_time_ms now,
                      struct vs_issued *ret, struct vs_error *err)
{
    VS_TRY(holder_check(holder, err));
    VS_KEY *key = NULL;
    struct vs_bytes spki;
    VS_TRY(holder_key(centre, holder, now, &key, &spki, err));
    struct vs_id serial = vs_id_new(centre->seams, now);
    VS_BUFFER der;
    vs_buffer_init(&der, VS_CERTIFICATE_MAKE_MAX);
    VS_TRY(vs_centre_make_holder(centre, arena, holder, spki, vs_id_bytes(&serial), now, &der,
                                 err));
    struct vs_issued issued = {.serial = vs_hex_new(arena, vs_id_bytes(&serial))};
    VS_TRY(vs_buffer_copy(&der, arena, &issued.certificate, err));
    if (issued.serial == NULL)
        return vs_fail_memory(err);
    if (key != NULL)
        VS_TRY(pack(centre, arena, holder, key, issued.certificate, &issued.pkcs12, err));

    /* Art. 11.5: only what stands in the register leaves this function. */
    pthread_mutex_lock(&centre->change_lock);
    vs_rc rc = enter(centre, arena, holder, issued.certificate, officer, now, err);
    pthread_mutex_unlock(&centre->change_lock);
    VS_TRY(rc);
    *ret = issued;
    return VS_OK;
}
