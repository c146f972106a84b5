/* Signed notes: what is read is made again, byte for byte. */
#include "formats/evidence/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7,
                                    0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
                                    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
                                    0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes note = VS_BYTES(data, size), body;
    struct vs_checkpoint checkpoint;
    struct vs_error err;
    bool good;
    (void)!vs_ok(vs_checkpoint_verify(note, key, &good, &err));
    if (!vs_ok(vs_checkpoint_read(arena, note, &checkpoint, &err)))
        return 0;
    VS_ASSERT(vs_ok(vs_checkpoint_body(arena, &checkpoint, &body, &err)));
    VS_ASSERT(size > body.len && memcmp(data, body.ptr, body.len) == 0);
    return 0;
}
