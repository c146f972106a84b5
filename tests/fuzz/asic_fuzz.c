/* ASiC reading: every entry, every manifest, strict and not. */
#include "formats/container/asic.h"
#include "formats/formats.h"

static const struct vs_zip_limits limits = {64, 1 << 20, 4 << 20, 100, 1 << 16};

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
    VS_ARENA *arena = vs_arena_new(16 << 20);
    struct vs_bytes_source source;
    const struct vs_asic *asic;
    struct vs_error err;
    vs_bytes_source_init(&source, VS_BYTES(data, size));
    if (!vs_ok(vs_asic_open(arena, &source.source, &limits, &asic, &err)))
        return 0;
    (void)!vs_ok(vs_asic_check_strict(asic, 0, &err));
    for (size_t i = 0; i < asic->n_entries; i++) {
        const struct vs_asic_entry *entry = &asic->entries[i];
        const struct vs_asic_manifest *manifest;
        bool is_manifest = entry->role == VS_ASIC_MANIFEST ||
                           entry->role == VS_ASIC_ARCHIVE_MANIFEST ||
                           entry->role == VS_ASIC_EVIDENCE_RECORD_MANIFEST;
        if (is_manifest)
            (void)!vs_ok(vs_asic_manifest_read(arena, asic, entry, &manifest, &err));
        VS_ASSERT(vs_asic_find(asic, entry->zip->name) == entry);
    }
    return 0;
}
