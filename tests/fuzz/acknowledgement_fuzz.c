/* acknowledgement.xml: what is read is made, and what is made is read, the same. */
#include "formats/document/acknowledgement.h"
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
    struct vs_statement first, second;
    struct vs_bytes xml, again;
    struct vs_error err;
    if (!vs_ok(vs_statement_read(arena, VS_BYTES(data, size), &first, &err)))
        return 0;
    VS_ASSERT(vs_ok(vs_statement_make(arena, &first, &xml, &err)));
    VS_ASSERT(vs_ok(vs_statement_read(arena, xml, &second, &err)));
    VS_ASSERT(vs_ok(vs_statement_make(arena, &second, &again, &err)));
    VS_ASSERT(vs_bytes_equal(xml, again));
    return 0;
}
