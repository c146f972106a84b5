#include "relay/seal/key_files.h"
#include "formats/certificate/certificate.h"
#include "storage/fileops.h"

#define FILE_MAX  ((size_t)256 * 1024)
#define CHAIN_MAX 8

/* What a file holds; references of its own. */
struct content {
    struct vs_key *key;
    struct vs_certificate *chain[CHAIN_MAX];
    size_t n;
};

static void content_done(struct content *content)
{
    vs_key_unref(content->key);
    while (content->n > 0)
        vs_certificate_unref(content->chain[--content->n]);
}
#define CONTENT __attribute__((cleanup(content_done))) struct content

static vs_rc add_certificate(struct content *to, struct vs_bytes pem_or_der,
                             struct vs_error *err)
{
    if (to->n == CHAIN_MAX)
        return vs_fail(err, VS_E_KEY, NULL, "more than %d certificates", CHAIN_MAX);
    VS_TRY(vs_certificate_get_pem(pem_or_der, &to->chain[to->n], err));
    to->n++;
    return VS_OK;
}

static vs_rc read_pem(struct vs_bytes file, struct vs_bytes passphrase, struct content *to,
                      struct vs_error *err)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    VS_TRY(vs_key_decode_pem(file, passphrase, &to->key, err));
    const uint8_t *at = memmem(file.ptr, file.len, begin, sizeof begin - 1);
    while (at != NULL) {
        size_t left = (size_t)(file.ptr + file.len - at);
        VS_TRY(add_certificate(to, VS_BYTES(at, left), err));
        at = memmem(at + 1, left - 1, begin, sizeof begin - 1);
    }
    return VS_OK;
}

static vs_rc read_pkcs12(struct vs_arena *arena, struct vs_bytes file,
                         struct vs_bytes passphrase, struct content *to, struct vs_error *err)
{
    struct vs_pkcs12 p12;
    VS_TRY(vs_pkcs12_decode(arena, file, passphrase, &p12, err));
    to->key = p12.key;
    VS_TRY(add_certificate(to, p12.certificate, err));
    for (size_t i = 0; i < p12.n_others; i++)
        VS_TRY(add_certificate(to, p12.others[i], err));
    return VS_OK;
}

/* A seal made with what the certificate does not allow would be refused by every verifier. */
static vs_rc check_own(const struct vs_certificate *own, vs_time_ms now, struct vs_error *err)
{
    if (!vs_certificate_in_force(own, now))
        return vs_fail(err, VS_E_KEY, "RFC 5280, 4.1.2.5", "its certificate is not in force");
    uint32_t may_sign = VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION;
    if (own->has_key_usage && (own->key_usage & may_sign) == 0)
        return vs_fail(err, VS_E_KEY, "RFC 5280, 4.2.1.3", "its certificate may not sign");
    return VS_OK;
}

static vs_rc load(struct vs_keys *keys, enum vs_purpose purpose, struct vs_arena *arena,
                  struct vs_bytes file, struct vs_bytes passphrase, vs_time_ms now,
                  struct vs_error *err)
{
    CONTENT content = {.key = NULL};
    bool is_der = file.len > 0 && file.ptr[0] == 0x30; /* PEM may begin with any words */
    VS_TRY(is_der ? read_pkcs12(arena, file, passphrase, &content, err)
                  : read_pem(file, passphrase, &content, err));
    if (content.n == 0)
        return vs_fail(err, VS_E_KEY, NULL, "there is no certificate beside the key");
    VS_TRY(check_own(content.chain[0], now, err));
    return vs_keys_set(keys, purpose, content.key, content.chain, content.n, err);
}

vs_rc vs_keys_load(struct vs_keys *keys, enum vs_purpose purpose, const char *path,
                   struct vs_bytes passphrase, vs_time_ms now, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)2 * 1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_bytes file;
    struct vs_error why = {.code = VS_E_NONE};
    vs_rc rc = vs_file_read(&vs_fileops_real, path, arena, FILE_MAX, &file, &why);
    if (!vs_ok(rc))
        return vs_fail(err, rc.code == VS_E_NOT_FOUND ? VS_E_CONFIG : rc.code, NULL, "%s: %s",
                       path, why.text);
    rc = load(keys, purpose, arena, file, passphrase, now, &why);
    vs_wipe((void *)(uintptr_t)file.ptr, file.len);
    return vs_ok(rc) ? VS_OK : vs_fail(err, rc.code, why.clause, "%s: %s", path, why.text);
}
