/* Evidence: what is read and can be made again is read the same, and canonical. */
#include "formats/evidence/erds.h"
#include "formats/formats.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct vs_error err;
    return vs_ok(vs_formats_init(&err)) ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VS_ARENA *arena = vs_arena_new(32 << 20);
    struct vs_erds first, second;
    struct vs_bytes xml, again;
    struct vs_error err;
    if (!vs_ok(vs_erds_read(arena, VS_BYTES(data, size), &first, &err)) ||
        !vs_ok(vs_erds_make(arena, &first, &xml, &err)))
        return 0;
    VS_ASSERT(vs_ok(vs_erds_read(arena, xml, &second, &err)));
    VS_ASSERT(vs_ok(vs_erds_make(arena, &second, &again, &err)));
    VS_ASSERT(vs_bytes_equal(xml, again));
    return 0;
}
