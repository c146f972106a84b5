/* RFC 4998 records: decode, and check over two objects. */
#include "formats/evidence/evidence_record.h"

static vs_rc digest_of(void *context, size_t object, enum vs_digest_algorithm algorithm,
                       struct vs_digest *ret, struct vs_error *err)
{
    (void)context, (void)err;
    vs_digest_of(algorithm, vs_bytes_text(object == 0 ? "object 0" : "object 1"), ret);
    return VS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VS_ARENA *arena = vs_arena_new(32 << 20);
    const struct vs_record *record;
    struct vs_record_result result;
    struct vs_error err;
    if (!vs_ok(vs_record_decode(arena, VS_BYTES(data, size), &record, &err)))
        return 0;
    for (size_t n = 1; n <= 2; n++)
        if (vs_ok(vs_record_check(record, n, digest_of, NULL, arena, &result, &err)))
            VS_ASSERT(vs_record_fault_text(result.fault) != NULL);
    return 0;
}
