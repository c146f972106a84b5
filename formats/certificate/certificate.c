#include "formats/certificate/certificate_priv.h"
#include "formats/certificate/verified.h"
#include "formats/crypto/counters.h"

vs_rc vs_certificate_malformed(struct vs_error *err, const char *clause, const char *what)
{
    return vs_fail(err, VS_E_CERTIFICATE, clause, "certificate: %s", what);
}

/* -- decoding ------------------------------------------------------------------------------ */

static vs_rc read_version(struct vs_certificate *c, struct vs_der *tbs, struct vs_error *err)
{
    c->version = 1;
    if (vs_der_peek(tbs) != VS_DER_CONTEXT_CONSTRUCTED(0))
        return VS_OK;
    struct vs_der inner = vs_der_enter(tbs, VS_DER_CONTEXT_CONSTRUCTED(0));
    int64_t version = vs_der_small(&inner);
    vs_der_leave(tbs, &inner);
    if (tbs->failed || version < 0 || version > 2)
        return vs_certificate_malformed(err, "RFC 5280, 4.1.2.1", "its version");
    c->version = (int)version + 1;
    return VS_OK;
}

static vs_rc read_validity(struct vs_certificate *c, struct vs_der *tbs, struct vs_error *err)
{
    struct vs_der validity = vs_der_enter(tbs, VS_DER_SEQUENCE);
    c->not_before = vs_der_time(&validity);
    c->not_after = vs_der_time(&validity);
    vs_der_leave(tbs, &validity);
    return tbs->failed ? vs_certificate_malformed(err, "RFC 5280, 4.1.2.5", "its validity")
                       : VS_OK;
}

static vs_rc read_key(struct vs_certificate *c, struct vs_der *tbs, struct vs_error *err)
{
    struct vs_bytes spki = vs_der_whole(tbs, VS_DER_SEQUENCE);
    if (tbs->failed)
        return vs_certificate_malformed(err, "RFC 5280, 4.1.2.7", "its public key");
    VS_TRY(vs_public_key_decode(spki, &c->key, err));
    struct vs_der outer = vs_der_reader(spki);
    struct vs_der inner = vs_der_enter(&outer, VS_DER_SEQUENCE);
    (void)vs_der_whole(&inner, VS_DER_SEQUENCE);
    c->key_bits = vs_der_bits(&inner);
    return VS_OK;
}

/* Unique identifiers and extensions: what may follow the key. */
static vs_rc read_tail(struct vs_certificate *c, struct vs_der *tbs, struct vs_error *err)
{
    struct vs_bytes unused;
    if (vs_der_optional(tbs, VS_DER_CONTEXT(1), &unused) && c->version < 2)
        tbs->failed = true;
    if (vs_der_optional(tbs, VS_DER_CONTEXT(2), &unused) && c->version < 2)
        tbs->failed = true;
    if (vs_der_peek(tbs) == VS_DER_CONTEXT_CONSTRUCTED(3) && c->version == 3) {
        struct vs_der wrapper = vs_der_enter(tbs, VS_DER_CONTEXT_CONSTRUCTED(3));
        struct vs_der extensions = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
        vs_der_leave(tbs, &wrapper);
        if (!tbs->failed)
            VS_TRY(vs_certificate_read_extensions(c, extensions, err));
    }
    return vs_der_done(tbs) ? VS_OK
                            : vs_certificate_malformed(err, "RFC 5280, 4.1", "its last fields");
}

static vs_rc read_tbs(struct vs_certificate *c, struct vs_bytes outer_algorithm,
                      struct vs_error *err)
{
    struct vs_der whole = vs_der_reader(c->tbs);
    struct vs_der tbs = vs_der_enter(&whole, VS_DER_SEQUENCE);
    VS_TRY(read_version(c, &tbs, err));
    c->serial = vs_der_take(&tbs, VS_DER_INTEGER);
    struct vs_bytes algorithm = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    c->issuer = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    if (tbs.failed || c->serial.len == 0 || c->serial.len > 64)
        return vs_certificate_malformed(err, "RFC 5280, 4.1.2", "serial number or issuer");
    /* The inner one is signed; a different outer one would let an attacker choose. */
    if (!vs_bytes_equal(algorithm, outer_algorithm))
        return vs_certificate_malformed(err, "RFC 5280, 4.1.1.2", "two signature algorithms");
    VS_TRY(read_validity(c, &tbs, err));
    c->subject = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    VS_TRY(read_key(c, &tbs, err));
    return read_tail(c, &tbs, err);
}

static vs_rc decode(struct vs_certificate *c, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(c->der);
    struct vs_der whole = vs_der_enter(&der, VS_DER_SEQUENCE);
    c->tbs = vs_der_whole(&whole, VS_DER_SEQUENCE);
    struct vs_bytes algorithm = vs_der_whole(&whole, VS_DER_SEQUENCE);
    c->signature = vs_der_bits(&whole);
    vs_der_leave(&der, &whole);
    if (!vs_der_done(&der) || !vs_algorithm_well_formed(algorithm))
        return vs_certificate_malformed(err, "RFC 5280, 4.1", "not exactly one certificate");
    /* Not known: still a certificate, with which nothing verifies. */
    (void)vs_signature_algorithm_by_der(algorithm, VS_DIGEST_NONE, &c->signature_algorithm);
    c->path_length = -1;
    VS_TRY(read_tbs(c, algorithm, err));
    if (!vs_name_well_formed(c->issuer) || !vs_name_well_formed(c->subject))
        return vs_certificate_malformed(err, "RFC 5280, 4.1.2.4", "its names");
    c->issuer_hash = vs_name_hash(c->issuer);
    c->subject_hash = vs_name_hash(c->subject);
    c->self_issued = c->issuer_hash == c->subject_hash && vs_name_equal(c->issuer, c->subject);
    return VS_OK;
}

/* The struct and the copy of its DER in one piece. */
vs_rc vs_certificate_decode(struct vs_bytes der, struct vs_certificate **ret,
                            struct vs_error *err)
{
    if (der.len == 0 || der.len > VS_CERTIFICATE_MAX_BYTES)
        return vs_certificate_malformed(err, "RFC 5280, 4.1", "empty or over 64 KiB");
    VS_CERTIFICATE *c = vs_heap_new(sizeof *c + der.len);
    atomic_init(&c->users, 1);
    uint8_t *copy = (uint8_t *)(c + 1);
    memcpy(copy, der.ptr, der.len);
    c->der = VS_BYTES(copy, der.len);
    vs_sha256(c->der, c->sha256);
    vs_count(VS_COUNT_CERTIFICATES_DECODED, 1);
    VS_TRY(decode(c, err));
    *ret = c;
    c = NULL;
    return VS_OK;
}

/* -- life and small questions -------------------------------------------------------------- */

struct vs_certificate *vs_certificate_ref(struct vs_certificate *c)
{
    atomic_fetch_add_explicit(&c->users, 1, memory_order_relaxed);
    return c;
}

void vs_certificate_unref(struct vs_certificate *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->users, 1, memory_order_acq_rel) != 1)
        return;
    vs_public_key_unref(c->key);
    vs_heap_free(c);
}

bool vs_certificate_same(const struct vs_certificate *a, const struct vs_certificate *b)
{
    return a == b || memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

bool vs_certificate_in_force(const struct vs_certificate *c, vs_time_ms t)
{
    return t >= c->not_before && t < c->not_after + VS_SECOND_MS;
}

vs_rc vs_certificate_verify_signed_by(const struct vs_certificate *c,
                                      const struct vs_certificate *issuer,
                                      enum vs_signature_verdict *ret, struct vs_error *err)
{
    const struct vs_signed_object object = {.der = c->der,
                                            .sha256 = c->sha256,
                                            .tbs = c->tbs,
                                            .algorithm = c->signature_algorithm,
                                            .signature = c->signature};
    return vs_verified(&object, issuer, ret, err);
}

/* -- PEM ----------------------------------------------------------------------------------- */

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

vs_rc vs_certificate_get_pem(struct vs_bytes text, struct vs_certificate **ret,
                             struct vs_error *err)
{
    if (text.len > 0 && text.ptr[0] == VS_DER_SEQUENCE)
        return vs_certificate_get(text, ret, err);
    const uint8_t *begin =
        text.len == 0 ? NULL : memmem(text.ptr, text.len, PEM_BEGIN, strlen(PEM_BEGIN));
    if (begin == NULL)
        return vs_certificate_malformed(err, "RFC 7468, 5", "no BEGIN CERTIFICATE");
    begin += strlen(PEM_BEGIN);
    size_t left = (size_t)(text.ptr + text.len - begin);
    const uint8_t *end = memmem(begin, left, PEM_END, strlen(PEM_END));
    if (end == NULL)
        return vs_certificate_malformed(err, "RFC 7468, 5", "no END CERTIFICATE");
    VS_ARENA *arena = vs_arena_new(2 * (size_t)VS_CERTIFICATE_MAX_BYTES + 4096);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_bytes der;
    if ((size_t)(end - begin) > 2 * (size_t)VS_CERTIFICATE_MAX_BYTES ||
        !vs_ok(vs_base64_decode(arena, VS_BYTES(begin, (size_t)(end - begin)), &der, err)))
        return vs_certificate_malformed(err, "RFC 7468, 5", "its Base64");
    return vs_certificate_get(der, ret, err);
}

void vs_certificate_encode_pem(const struct vs_certificate *c, struct vs_buffer *to)
{
    vs_buffer_text(to, PEM_BEGIN "\n");
    for (size_t at = 0; at < c->der.len; at += 48) {
        size_t left = c->der.len - at;
        vs_buffer_base64(to, VS_BYTES(c->der.ptr + at, left < 48 ? left : 48));
        vs_buffer_byte(to, '\n');
    }
    vs_buffer_text(to, PEM_END "\n");
}
