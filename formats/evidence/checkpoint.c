#include "formats/evidence/checkpoint.h"
#include "formats/crypto/key.h"

#define DASH "\xe2\x80\x94 " /* em dash, space: begins a signature line */

static bool good_line(const char *text)
{
    struct vs_bytes bytes = vs_bytes_text(text);
    return bytes.len > 0 && !vs_text_has_controls(bytes);
}

/* C2SP signed-note: a key name has no space and no plus; ours is ASCII, so that nobody wonders
 * which spaces there are. */
static bool good_name(const char *name)
{
    for (const char *c = name; c != NULL && *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '+')
            return false;
    return name != NULL && *name != '\0';
}

vs_rc vs_checkpoint_body(struct vs_arena *arena, const struct vs_checkpoint *checkpoint,
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_CHECKPOINT_MAX_BYTES);
    if (!good_name(checkpoint->origin))
        return vs_fail(err, VS_E_PARAMETER, "C2SP signed-note", "an origin that cannot be one");
    vs_buffer_printf(&to, "%s\n%llu\n", checkpoint->origin,
                     (unsigned long long)checkpoint->size);
    vs_buffer_base64(&to, VS_BYTES(checkpoint->root.bytes, 32));
    vs_buffer_byte(&to, '\n');
    for (size_t i = 0; i < checkpoint->n_extensions; i++) {
        if (!good_line(checkpoint->extensions[i]))
            return vs_fail(err, VS_E_PARAMETER, "C2SP tlog-checkpoint",
                           "an extension that is not one line");
        vs_buffer_printf(&to, "%s\n", checkpoint->extensions[i]);
    }
    return vs_buffer_copy(&to, arena, ret, err);
}

/* The first four bytes of SHA-256(name, newline, 0x01 for Ed25519, key). */
static void key_id(const char *name, const uint8_t public_key[32], uint8_t ret[4])
{
    struct vs_digest digest;
    struct vs_bytes parts[] = {vs_bytes_text(name), VS_BYTES_LITERAL("\n\1"),
                               VS_BYTES(public_key, 32)};
    vs_digest_of_parts(VS_SHA256, parts, 3, &digest);
    memcpy(ret, digest.bytes, 4);
}

vs_rc vs_checkpoint_note(struct vs_arena *arena, const char *origin, struct vs_bytes body,
                         const uint8_t public_key[32], const uint8_t signature[64],
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    uint8_t value[4 + 64];
    vs_buffer_init(&to, VS_CHECKPOINT_MAX_BYTES + 1024);
    key_id(origin, public_key, value);
    memcpy(value + 4, signature, 64);
    vs_buffer_add(&to, body);
    vs_buffer_printf(&to, "\n" DASH "%s ", origin);
    vs_buffer_base64(&to, VS_BYTES(value, sizeof value));
    vs_buffer_byte(&to, '\n');
    return vs_buffer_copy(&to, arena, ret, err);
}

char *vs_checkpoint_verifier_key(struct vs_arena *arena, const char *origin,
                                 const uint8_t public_key[32])
{
    uint8_t id[4], key[33] = {1};
    key_id(origin, public_key, id);
    memcpy(key + 1, public_key, 32);
    char *id_text = vs_hex_new(arena, VS_BYTES(id, sizeof id));
    char *key_text = vs_base64_new(arena, VS_BYTES(key, sizeof key));
    if (id_text == NULL || key_text == NULL)
        return NULL;
    return vs_arena_printf(arena, "%s+%s+%s", origin, id_text, key_text);
}

/* C2SP signed-note: no control character but newline. A NUL would hide what follows it. */
static bool has_controls(struct vs_bytes note)
{
    for (size_t i = 0; i < note.len; i++)
        if (note.ptr[i] < 0x20 && note.ptr[i] != '\n')
            return true;
    return false;
}

/* Text up to and with its last newline, and the signature lines behind the empty line. */
static bool split_note(struct vs_bytes note, struct vs_bytes *body, struct vs_bytes *signatures)
{
    if (note.len > VS_CHECKPOINT_MAX_BYTES + 1024 || !vs_utf8_valid(note) ||
        has_controls(note) || !vs_bytes_ends(note, "\n"))
        return false;
    /* The last empty line: a note's text may hold others (C2SP signed-note). */
    for (size_t at = note.len - 1; at > 0; at--) {
        if (note.ptr[at] != '\n' || note.ptr[at - 1] != '\n')
            continue;
        *body = VS_BYTES(note.ptr, at);
        *signatures = VS_BYTES(note.ptr + at + 1, note.len - at - 1);
        return signatures->len > 0;
    }
    return false;
}

/* The next line without its newline; false at the end. */
static bool next_line(struct vs_bytes *from, struct vs_bytes *line)
{
    const uint8_t *end = from->len == 0 ? NULL : memchr(from->ptr, '\n', from->len);
    if (end == NULL)
        return false;
    size_t len = (size_t)(end - from->ptr);
    *line = VS_BYTES(from->ptr, len);
    *from = VS_BYTES(end + 1, from->len - len - 1);
    return true;
}

static bool read_lines(struct vs_arena *arena, struct vs_bytes body, struct vs_checkpoint *ret)
{
    struct vs_bytes line;
    struct vs_error err;
    if (!next_line(&body, &line))
        return false;
    ret->origin = vs_arena_strndup(arena, (const char *)line.ptr, line.len);
    if (!good_name(ret->origin) || !next_line(&body, &line))
        return false;
    /* One encoding only: no leading zero. */
    if (!vs_u64_decode(line, &ret->size) || (line.len > 1 && line.ptr[0] == '0'))
        return false;
    struct vs_bytes root;
    if (!next_line(&body, &line) || line.len != 44 ||
        !vs_ok(vs_base64_decode(arena, line, &root, &err)) || root.len != 32)
        return false;
    memcpy(ret->root.bytes, root.ptr, 32);
    for (ret->n_extensions = 0; next_line(&body, &line); ret->n_extensions++) {
        if (ret->n_extensions == VS_CHECKPOINT_MAX_EXTENSIONS)
            return false;
        const char *text = vs_arena_strndup(arena, (const char *)line.ptr, line.len);
        if (text == NULL || !good_line(text))
            return false;
        ret->extensions[ret->n_extensions] = text;
    }
    return body.len == 0;
}

vs_rc vs_checkpoint_read(struct vs_arena *arena, struct vs_bytes note,
                         struct vs_checkpoint *ret, struct vs_error *err)
{
    struct vs_bytes body, signatures;
    struct vs_checkpoint checkpoint = {0};
    if (!split_note(note, &body, &signatures) || !read_lines(arena, body, &checkpoint))
        return vs_fail(err, VS_E_SYNTAX, "C2SP tlog-checkpoint", "not a checkpoint");
    *ret = checkpoint;
    return VS_OK;
}

/* One signature line: whether it is `name`'s with this key id, and then its value. */
static bool read_signature(struct vs_arena *arena, struct vs_bytes line, const char *name,
                           const uint8_t id[4], struct vs_bytes *ret)
{
    size_t skip = strlen(DASH) + strlen(name);
    struct vs_error err;
    struct vs_bytes value;
    if (!vs_bytes_starts(line, DASH) || line.len <= skip + 1 || line.ptr[skip] != ' ' ||
        memcmp(line.ptr + strlen(DASH), name, strlen(name)) != 0)
        return false;
    if (!vs_ok(vs_base64_decode(arena, VS_BYTES(line.ptr + skip + 1, line.len - skip - 1),
                                &value, &err)) ||
        value.len != 68 || memcmp(value.ptr, id, 4) != 0)
        return false;
    *ret = VS_BYTES(value.ptr + 4, 64);
    return true;
}

vs_rc vs_checkpoint_verify(struct vs_bytes note, const uint8_t public_key[32], bool *ret,
                           struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(8 * VS_CHECKPOINT_MAX_BYTES);
    struct vs_checkpoint checkpoint;
    struct vs_bytes body, signatures, line, value;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_checkpoint_read(arena, note, &checkpoint, err));
    VS_ASSERT(split_note(note, &body, &signatures));
    uint8_t id[4];
    key_id(checkpoint.origin, public_key, id);
    VS_PUBLIC_KEY *key = NULL;
    VS_TRY(vs_public_key_from_ed25519(public_key, &key, err));
    struct vs_signature_algorithm ed25519 = {.scheme = VS_ED25519};
    bool good = false;
    while (!good && next_line(&signatures, &line)) {
        if (!read_signature(arena, line, checkpoint.origin, id, &value))
            continue;
        enum vs_signature_verdict verdict;
        VS_TRY(vs_public_key_verify_message(key, ed25519, body, VS_SIGNATURE_RAW, value,
                                            &verdict, err));
        good = verdict == VS_SIGNATURE_VALID;
    }
    *ret = good;
    return VS_OK;
}
