#include "tests/support/forge.h"
#include <stdio.h>

static const struct vs_xades *read_first(struct vs_bytes text, struct vs_xades_file **ret)
{
    struct vs_error err = {0};
    vs_rc rc = vs_xades_read(text, NULL, ret, &err);
    if (!vs_ok(rc))
        fprintf(stderr, "forge: %s: %s\n%s\n", vs_code_info(rc.code)->name, err.text,
                (const char *)text.ptr);
    VS_ASSERT(vs_ok(rc) && (*ret)->n_signatures > 0);
    const struct vs_xades *x = &(*ret)->signatures[0];
    if (x->refusal.code != VS_E_NONE)
        fprintf(stderr, "forge: %s: %s\n", vs_code_info(x->refusal.code)->name,
                x->refusal.text);
    VS_ASSERT(x->refusal.code == VS_E_NONE);
    return x;
}

/* Replace the first `placeholder` of `text`; nothing happens where there is none. */
static char *replace(struct vs_arena *arena, const char *text, const char *placeholder,
                     struct vs_bytes bytes)
{
    const char *at = strstr(text, placeholder);
    if (at == NULL)
        return vs_arena_strdup(arena, text);
    return vs_arena_printf(arena, "%.*s%s%s", (int)(at - text), text,
                           vs_base64_new(arena, bytes), at + strlen(placeholder));
}

static _Thread_local struct vs_bytes_source outside;

static struct vs_dsig_resolver resolver(void)
{
    vs_bytes_source_init(&outside, VS_BYTES_LITERAL(FORGE_OUTSIDE));
    return vs_dsig_resolver_of_source(&outside.source);
}

static char *fill_digests(struct vs_arena *arena, char *text)
{
    struct vs_error err;
    VS_XADES *file = NULL;
    const struct vs_dsig *d = &read_first(vs_bytes_text(text), &file)->dsig;
    struct vs_dsig_resolver outside_of = resolver();
    for (size_t i = 0; i < d->n_references; i++) {
        struct vs_digest digest;
        bool found;
        if (d->references[i].algorithm == VS_DIGEST_NONE)
            continue;
        VS_ASSERT(vs_ok(vs_dsig_digest_references(
            d, &i, 1, &outside_of, d->references[i].algorithm, &digest, &found, &err)));
        VS_ASSERT(found);
        text = replace(arena, text, FORGE_DIGEST, vs_digest_bytes(&digest));
    }
    return text;
}

struct vs_bytes forge(struct vs_arena *arena, const struct test_signer *signer,
                      const char *text, enum vs_code blind)
{
    struct vs_error err;
    vs_check_disable(blind);
    char *filled = fill_digests(arena, vs_arena_strdup(arena, text));
    VS_XADES *file = NULL;
    const struct vs_dsig *d = &read_first(vs_bytes_text(filled), &file)->dsig;
    struct vs_signature_value value;
    VS_ASSERT(vs_ok(vs_key_sign_message(signer->key, VS_ECDSA_SHA256, d->signed_info,
                                        VS_SIGNATURE_RAW, &value, &err)));
    vs_check_disable(VS_E_NONE);
    return vs_bytes_text(replace(arena, filled, FORGE_VALUE, vs_signature_bytes(&value)));
}

static enum forge_outcome judge(const struct vs_dsig *d, const struct vs_public_key *key)
{
    struct vs_error err;
    struct vs_dsig_resolver outside_of = resolver();
    for (size_t i = 0; i < d->n_references; i++) {
        enum vs_dsig_state state;
        if (!vs_ok(vs_dsig_check_reference(d, i, &outside_of, &state, &err)) ||
            state != VS_DSIG_INTACT)
            return FORGE_INVALID;
    }
    enum vs_signature_verdict verdict;
    VS_ASSERT(vs_ok(vs_dsig_check_value(d, key, &verdict, &err)));
    return verdict == VS_SIGNATURE_VALID ? FORGE_ACCEPTED : FORGE_INVALID;
}

enum forge_outcome forge_judge(struct vs_bytes text, const struct vs_public_key *key,
                               enum vs_code *ret_code)
{
    struct vs_error err;
    VS_XADES *file = NULL;
    *ret_code = vs_xades_read(text, NULL, &file, &err).code;
    if (*ret_code != VS_E_NONE)
        return FORGE_REFUSED;
    VS_ASSERT(file->n_signatures > 0);
    *ret_code = file->signatures[0].refusal.code;
    return *ret_code != VS_E_NONE ? FORGE_REFUSED : judge(&file->signatures[0].dsig, key);
}
