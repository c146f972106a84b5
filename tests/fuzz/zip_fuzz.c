/* The strict ZIP reader against libzip: whatever ours accepts and libzip opens, both see the
 * same names, sizes and bytes. */
#include "formats/container/zip.h"
#include <zip.h>

static const struct vs_zip_limits limits = {64, 1 << 20, 4 << 20, 100, 1 << 16};

static void compare(zip_t *other, const struct vs_zip *ours, struct vs_arena *arena)
{
    VS_ASSERT((zip_uint64_t)zip_get_num_entries(other, 0) == ours->n_entries);
    for (size_t i = 0; i < ours->n_entries; i++) {
        const struct vs_zip_entry *entry = &ours->entries[i];
        struct vs_bytes content;
        struct vs_error err;
        bool readable = vs_ok(vs_zip_read_all(ours, entry, arena, 1 << 20, &content, &err));
        zip_int64_t index = zip_name_locate(other, entry->name, ZIP_FL_ENC_RAW);
        VS_ASSERT(index >= 0);
        zip_stat_t stat;
        VS_ASSERT(zip_stat_index(other, (zip_uint64_t)index, 0, &stat) == 0);
        VS_ASSERT(stat.size == entry->size && stat.comp_size == entry->packed_size);
        zip_file_t *file = readable ? zip_fopen_index(other, (zip_uint64_t)index, 0) : NULL;
        if (file == NULL)
            continue;
        uint8_t *bytes = vs_arena_alloc(arena, content.len + 1);
        zip_int64_t len = bytes == NULL ? -1 : zip_fread(file, bytes, content.len + 1);
        if (len >= 0)
            VS_ASSERT(vs_bytes_equal(VS_BYTES(bytes, (size_t)len), content));
        zip_fclose(file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VS_ARENA *arena = vs_arena_new(16 << 20);
    struct vs_bytes_source source;
    const struct vs_zip *ours;
    struct vs_error err;
    vs_bytes_source_init(&source, VS_BYTES(data, size));
    if (!vs_ok(vs_zip_open(arena, &source.source, &limits, &ours, &err)))
        return 0;
    zip_error_t error;
    zip_source_t *buffer = zip_source_buffer_create(data, size, 0, &error);
    zip_t *other = buffer == NULL ? NULL : zip_open_from_source(buffer, ZIP_RDONLY, &error);
    if (other == NULL) {
        zip_source_free(buffer);
        return 0;
    }
    compare(other, ours, arena);
    zip_discard(other);
    return 0;
}
