#include "formats/signature/http_signature.h"

#define BASE_MAX ((size_t)64 * 1024)

const char *vs_http_signature_algorithm(struct vs_signature_algorithm algorithm)
{
    if (algorithm.scheme == VS_ED25519)
        return "ed25519";
    if (algorithm.scheme == VS_ECDSA && algorithm.digest == VS_SHA256)
        return "ecdsa-p256-sha256";
    if (algorithm.scheme == VS_ECDSA && algorithm.digest == VS_SHA384)
        return "ecdsa-p384-sha384";
    return NULL;
}

static bool is_printable(const char *text, bool quotable)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~' || (quotable && (*c == '"' || *c == '\\')))
            return false;
    return true;
}

static bool is_name(const char *text)
{
    if (text[0] == '@')
        text++;
    for (const char *c = text; *c != '\0'; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
            return false;
    return text[0] != '\0';
}

static vs_rc check(const struct vs_http_signature *s, struct vs_error *err)
{
    const char *clause = "RFC 9421, 2.5";
    for (size_t i = 0; i < s->n_components; i++) {
        const struct vs_http_component *c = &s->components[i];
        size_t len = strlen(c->value);
        if (!is_name(c->name) || !is_printable(c->value, false))
            return vs_fail(err, VS_E_PARAMETER, clause, "%s cannot be signed", c->name);
        if (len > 0 && (c->value[0] == ' ' || c->value[len - 1] == ' '))
            return vs_fail(err, VS_E_PARAMETER, clause, "%s: white space around it", c->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(s->components[j].name, c->name) == 0)
                return vs_fail(err, VS_E_PARAMETER, clause, "%s twice", c->name);
    }
    if (!is_printable(s->key_id, true) ||
        (s->algorithm != NULL && !is_printable(s->algorithm, true)) ||
        (s->tag != NULL && !is_printable(s->tag, true)))
        return vs_fail(err, VS_E_PARAMETER, "RFC 9421, 2.3", "a parameter cannot be quoted");
    return VS_OK;
}

/* The inner list with its parameters (RFC 9421, 2.3): the same bytes in base and header. */
static void put_parameters(struct vs_buffer *to, const struct vs_http_signature *s)
{
    vs_buffer_printf(to, "(");
    for (size_t i = 0; i < s->n_components; i++)
        vs_buffer_printf(to, "%s\"%s\"", i == 0 ? "" : " ", s->components[i].name);
    vs_buffer_printf(to, ");created=%lld;keyid=\"%s\"", (long long)(s->created / VS_SECOND_MS),
                     s->key_id);
    if (s->algorithm != NULL)
        vs_buffer_printf(to, ";alg=\"%s\"", s->algorithm);
    if (s->tag != NULL)
        vs_buffer_printf(to, ";tag=\"%s\"", s->tag);
}

vs_rc vs_http_signature_base(struct vs_arena *arena, const struct vs_http_signature *signature,
                             struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER base;
    VS_TRY(check(signature, err));
    vs_buffer_init(&base, BASE_MAX);
    for (size_t i = 0; i < signature->n_components; i++)
        vs_buffer_printf(&base, "\"%s\": %s\n", signature->components[i].name,
                         signature->components[i].value);
    vs_buffer_printf(&base, "\"@signature-params\": ");
    put_parameters(&base, signature);
    return vs_buffer_copy(&base, arena, ret, err);
}

/* NULL where it is not whole. */
static const char *text_of(struct vs_arena *arena, const struct vs_buffer *buffer)
{
    struct vs_bytes bytes;
    struct vs_error ignored;
    if (!vs_ok(vs_buffer_copy(buffer, arena, &bytes, &ignored)))
        return NULL;
    return vs_arena_strndup(arena, (const char *)bytes.ptr, bytes.len);
}

const char *vs_http_signature_input(struct vs_arena *arena,
                                    const struct vs_http_signature *signature)
{
    VS_BUFFER value;
    vs_buffer_init(&value, BASE_MAX);
    vs_buffer_printf(&value, "%s=", signature->label);
    put_parameters(&value, signature);
    return text_of(arena, &value);
}

const char *vs_http_signature_value(struct vs_arena *arena,
                                    const struct vs_http_signature *signature,
                                    struct vs_bytes value)
{
    char *text = vs_base64_new(arena, value);
    return text == NULL ? NULL : vs_arena_printf(arena, "%s=:%s:", signature->label, text);
}

const char *vs_content_digest(struct vs_arena *arena, const uint8_t sha256[32])
{
    char *text = vs_base64_new(arena, VS_BYTES(sha256, 32));
    return text == NULL ? NULL : vs_arena_printf(arena, "sha-256=:%s:", text);
}
