#include "relay/exchange/webhook.h"
#include "formats/crypto/digest.h"
#include "relay/relay_priv.h"
#include "relay/seal/keys.h"

#define LABEL "vasite"

enum {
    OWN_COMPONENTS = 6,
    HEADERS = 16,
    PEM_LINE = 64,
    BYTES_PER_SECOND = 16 * 1024, /* an endpoint that takes less is given up */
    LONGEST_MS = 60 * 60 * 1000
};

void vs_webhook_add(struct vs_webhook *webhook, const char *name, const char *value)
{
    VS_ASSERT(webhook->n_fields < VS_WEBHOOK_FIELDS);
    webhook->fields[webhook->n_fields++] = (struct vs_http_component){name, value};
}

/* -- texts of headers ---------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return len > 0 && text[0] != ' ' && text[len - 1] != ' ';
}

/* As it is, or percent-encoded (RFC 3986, 2.1) where a header cannot hold it. */
static const char *header_text(struct vs_arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_plain(text))
        return text;
    char *encoded = vs_arena_alloc(arena, 3 * strlen(text) + 1), *to = encoded;
    if (encoded == NULL)
        return NULL;
    for (const char *c = text; *c != '\0'; c++) {
        bool keep = *c > ' ' && *c <= '~' && *c != '%';
        if (keep) {
            *to++ = *c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[(uint8_t)*c >> 4];
        *to++ = digits[(uint8_t)*c & 15];
    }
    *to = '\0';
    return encoded;
}

/* -- the key ------------------------------------------------------------------------------- */

static const char *key_id(struct vs_relay *relay, struct vs_arena *arena)
{
    uint8_t digest[32];
    vs_sha256(vs_public_key_spki(vs_keys_public(relay->keys, VS_PURPOSE_WEBHOOK)), digest);
    return vs_hex_new(arena, VS_BYTES(digest, sizeof digest));
}

static const char *pem_of(struct vs_arena *arena, struct vs_bytes spki)
{
    const char *text = vs_base64_new(arena, spki);
    const char *pem = vs_arena_strdup(arena, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0, len = text == NULL ? 0 : strlen(text); at < len && pem != NULL;
         at += PEM_LINE)
        pem = vs_arena_printf(arena, "%s%.*s\n", pem, PEM_LINE, text + at);
    return text == NULL || pem == NULL
               ? NULL
               : vs_arena_printf(arena, "%s-----END PUBLIC KEY-----\n", pem);
}

vs_rc vs_webhook_key(struct vs_relay *relay, struct vs_arena *arena, struct vs_webhook_key *ret,
                     struct vs_error *err)
{
    struct vs_webhook_key key = {.algorithm = vs_http_signature_algorithm(
                                     vs_keys_algorithm(relay->keys, VS_PURPOSE_WEBHOOK))};
    if (key.algorithm == NULL)
        return vs_fail(err, VS_E_KEY, "RFC 9421, 3.3", "the webhook key cannot sign requests");
    key.id = key_id(relay, arena);
    key.pem =
        pem_of(arena, vs_public_key_spki(vs_keys_public(relay->keys, VS_PURPOSE_WEBHOOK)));
    if (key.id == NULL || key.pem == NULL)
        return vs_fail_memory(err);
    *ret = key;
    return VS_OK;
}

static vs_rc sign(struct vs_relay *relay, struct vs_bytes base, struct vs_signature_value *ret,
                  struct vs_error *err)
{
    struct vs_signature_algorithm algorithm =
        vs_keys_algorithm(relay->keys, VS_PURPOSE_WEBHOOK);
    struct vs_signing job = {
        .purpose = VS_PURPOSE_WEBHOOK, .form = VS_SIGNATURE_RAW, .message = base};
    if (algorithm.digest != VS_DIGEST_NONE)
        vs_digest_of(algorithm.digest, base, &job.digest);
    VS_TRY(vs_keys_sign(relay->keys, &job, 1, err));
    *ret = job.value;
    return VS_OK;
}

/* -- the request --------------------------------------------------------------------------- */

struct making {
    struct vs_arena *arena;
    struct vs_http_component components[OWN_COMPONENTS + VS_WEBHOOK_FIELDS];
    size_t n;
    const char **headers;
    size_t n_headers;
    bool failed;
};

/* A field that is sent and signed. */
static void put(struct making *making, const char *name, const char *value)
{
    const char *text = value == NULL ? NULL : header_text(making->arena, value);
    char *line = text == NULL ? NULL : vs_arena_printf(making->arena, "%s: %s", name, text);
    if (line == NULL) {
        making->failed = true;
        return;
    }
    making->components[making->n++] = (struct vs_http_component){name, text};
    making->headers[making->n_headers++] = line;
}

static void put_fields(struct making *making, const struct vs_webhook *webhook)
{
    const char *type =
        is_plain(webhook->content_type) ? webhook->content_type : "application/octet-stream";
    making->components[making->n++] = (struct vs_http_component){"@method", "POST"};
    making->components[making->n++] = (struct vs_http_component){"@target-uri", webhook->url};
    put(making, "content-type", type);
    put(making, "content-digest", vs_content_digest(making->arena, webhook->digest));
    put(making, "vasite-delivery-id", vs_id_text_new(making->arena, webhook->delivery));
    put(making, "vasite-attempt",
        vs_arena_printf(making->arena, "%lld", (long long)webhook->attempt));
    for (size_t i = 0; i < webhook->n_fields; i++)
        put(making, webhook->fields[i].name, webhook->fields[i].value);
}

static vs_rc put_signature(struct vs_relay *relay, struct making *making, vs_time_ms now,
                           struct vs_error *err)
{
    struct vs_arena *arena = making->arena;
    struct vs_webhook_key key;
    struct vs_bytes base;
    struct vs_signature_value value;
    VS_TRY(vs_webhook_key(relay, arena, &key, err));
    struct vs_http_signature signature = {.label = LABEL,
                                          .components = making->components,
                                          .n_components = making->n,
                                          .created = now,
                                          .key_id = key.id,
                                          .algorithm = key.algorithm,
                                          .tag = LABEL};
    VS_TRY(vs_http_signature_base(arena, &signature, &base, err));
    VS_TRY(sign(relay, base, &value, err));
    const char *input = vs_http_signature_input(arena, &signature);
    const char *text =
        vs_http_signature_value(arena, &signature, VS_BYTES(value.bytes, value.len));
    if (input == NULL || text == NULL)
        return vs_fail_memory(err);
    const char *lines[] = {vs_arena_printf(arena, "Signature-Input: %s", input),
                           vs_arena_printf(arena, "Signature: %s", text)};
    for (size_t i = 0; i < 2; i++) {
        making->failed |= lines[i] == NULL;
        making->headers[making->n_headers++] = lines[i];
    }
    return VS_OK;
}

/* Longer for larger bodies: an endpoint that takes a byte now and then does not hold a slot. */
static uint32_t longest_ms(struct vs_relay *relay, uint64_t size)
{
    uint64_t ms = (uint64_t)relay->settings.push_stall_ms * 2 + size * 1000 / BYTES_PER_SECOND;
    return ms < LONGEST_MS ? (uint32_t)ms : LONGEST_MS;
}

vs_rc vs_webhook_request(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_webhook *webhook, vs_time_ms now,
                         struct vs_outgoing_request *ret, struct vs_error *err)
{
    struct making making = {.arena = arena,
                            .headers = vs_arena_make_n(arena, const char *, HEADERS + 1)};
    if (making.headers == NULL)
        return vs_fail_memory(err);
    put_fields(&making, webhook);
    if (!making.failed)
        VS_TRY(put_signature(relay, &making, now, err));
    if (making.failed)
        return vs_fail_memory(err);
    uint64_t size = webhook->source != NULL ? webhook->source->size : webhook->body.len;
    *ret = (struct vs_outgoing_request){.method = "POST",
                                        .url = webhook->url,
                                        .headers = making.headers,
                                        .body = webhook->body,
                                        .source = webhook->source,
                                        .timeout_ms = longest_ms(relay, size),
                                        .stall_ms = (uint32_t)relay->settings.push_stall_ms,
                                        .head_only = true,
                                        .try_anyway = true};
    return VS_OK;
}
