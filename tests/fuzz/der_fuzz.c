/* DER reader, writer and BER conversion: no input may read outside itself, and what the
 * conversion makes must be DER that converts to itself. */
#include "formats/crypto/ber.h"
#include "formats/crypto/der.h"
#include "formats/crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct vs_bytes bytes, int depth)
{
    struct vs_der der = vs_der_reader(bytes);
    while (vs_der_more(&der)) {
        uint8_t tag;
        struct vs_bytes whole = vs_der_element(&der, &tag);
        if (der.failed)
            return;
        struct vs_der one = vs_der_reader(whole);
        struct vs_bytes content = vs_der_take(&one, tag);
        VS_ASSERT(vs_der_done(&one));
        if ((tag & 0x20) != 0 && depth < 40)
            walk(content, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_bytes bytes = VS_BYTES(data, size), first, second;
    walk(bytes, 0);
    VS_ARENA *arena = vs_arena_new((size_t)4 << 20);
    struct vs_error err;
    if (size > 0)
        (void)vs_der_text(arena, data[0], VS_BYTES(data + 1, size - 1));
    char *oid = vs_oid_text(arena, bytes);
    if (oid != NULL) {
        struct vs_bytes back = vs_oid_from_text(arena, oid);
        VS_ASSERT(vs_bytes_equal(back, bytes));
    }
    if (vs_ok(vs_ber_to_der(arena, bytes, &first, &err))) {
        VS_ASSERT(vs_ok(vs_ber_to_der(arena, first, &second, &err)));
        VS_ASSERT(vs_bytes_equal(first, second));
    }
    struct vs_signature_algorithm algorithm;
    (void)vs_signature_algorithm_by_der(bytes, VS_SHA256, &algorithm);
    VS_PUBLIC_KEY *key = NULL;
    if (vs_ok(vs_public_key_decode(bytes, &key, &err)))
        (void)vs_public_key_bits(key);
    return 0;
}
