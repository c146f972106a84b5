#include "formats/bundle/proof.h"
#include "formats/base/text.h"
#include <ctype.h>

#define TEXT_MAX ((size_t)64 * 1024)

static void put_hex(struct vs_buffer *to, const char *before, const uint8_t *bytes, size_t len,
                    const char *after)
{
    vs_buffer_text(to, before);
    vs_buffer_hex(to, VS_BYTES(bytes, len));
    vs_buffer_text(to, after);
}

void vs_bundle_proof_write(struct vs_buffer *to, const struct vs_bundle_proof *proof)
{
    struct vs_hash leaf = vs_merkle_salted_leaf(proof->salt, proof->digest);
    put_hex(to, "{\n \"evidence\": \"", proof->evidence, 16, "\",\n");
    vs_buffer_printf(to, " \"index\": %llu,\n", (unsigned long long)proof->index);
    if (proof->log != 0)
        vs_buffer_printf(to, " \"log\": %llu,\n", (unsigned long long)proof->log);
    vs_buffer_printf(to, " \"size\": %llu,\n", (unsigned long long)proof->size);
    put_hex(to, " \"salt\": \"", proof->salt, 32, "\",\n");
    put_hex(to, " \"digest\": \"", proof->digest, 32, "\",\n");
    put_hex(to, " \"leaf\": \"", leaf.bytes, 32, "\",\n \"hashes\": [");
    for (size_t i = 0; i < proof->path.n; i++)
        put_hex(to, i == 0 ? "\n  \"" : ",\n  \"", proof->path.nodes[i].bytes, 32, "\"");
    vs_buffer_text(to, "\n ]\n}\n");
}

/* -- reading: what is between the quotes, in order; then written again and compared -------- */

static bool skip_to(struct vs_bytes *text, const char *what)
{
    size_t len = strlen(what);
    const uint8_t *at = text->len < len ? NULL : memmem(text->ptr, text->len, what, len);
    if (at == NULL)
        return false;
    *text = VS_BYTES(at + len, text->len - (size_t)(at - text->ptr) - len);
    return true;
}

static bool take_hex(struct vs_bytes *text, const char *before, uint8_t *ret, size_t len)
{
    char hex[65];
    if (!skip_to(text, before) || text->len < 2 * len)
        return false;
    memcpy(hex, text->ptr, 2 * len);
    hex[2 * len] = '\0';
    return vs_hex_decode(hex, ret, len);
}

static bool take_number(struct vs_bytes *text, const char *before, uint64_t *ret)
{
    size_t len = 0;
    if (!skip_to(text, before))
        return false;
    while (len < text->len && len < 20 && isdigit(text->ptr[len]))
        len++;
    return vs_u64_decode(VS_BYTES(text->ptr, len), ret);
}

/* The one member that may be missing; a 0 is not written. */
static bool take_log(struct vs_bytes *text, uint64_t *ret)
{
    struct vs_bytes rest = *text;
    if (!take_number(&rest, "\"log\": ", ret))
        return memmem(text->ptr, text->len, "\"log\"", 5) == NULL;
    *text = rest;
    return *ret != 0;
}

bool vs_bundle_proof_read(struct vs_bytes text, struct vs_bundle_proof *ret)
{
    struct vs_bundle_proof proof = {.index = 0};
    struct vs_bytes rest = text;
    bool good =
        text.len <= TEXT_MAX && take_hex(&rest, "\"evidence\": \"", proof.evidence, 16) &&
        take_number(&rest, "\"index\": ", &proof.index) && take_log(&rest, &proof.log) &&
        take_number(&rest, "\"size\": ", &proof.size) &&
        take_hex(&rest, "\"salt\": \"", proof.salt, 32) &&
        take_hex(&rest, "\"digest\": \"", proof.digest, 32) && skip_to(&rest, "\"hashes\": [");
    size_t most = sizeof proof.path.nodes / sizeof *proof.path.nodes;
    while (good && proof.path.n < most &&
           take_hex(&rest, "\n  \"", proof.path.nodes[proof.path.n].bytes, 32))
        proof.path.n++;
    if (!good)
        return false;
    VS_BUFFER again;
    vs_buffer_init(&again, TEXT_MAX);
    vs_bundle_proof_write(&again, &proof);
    if (again.failed || !vs_bytes_equal(vs_buffer_view(&again), text))
        return false;
    *ret = proof;
    return true;
}

bool vs_bundle_proof_holds(const struct vs_bundle_proof *proof, const struct vs_hash *root)
{
    struct vs_hash leaf = vs_merkle_salted_leaf(proof->salt, proof->digest);
    return vs_merkle_inclusion_holds(&leaf, proof->index, proof->size, proof->path.nodes,
                                     proof->path.n, root);
}
