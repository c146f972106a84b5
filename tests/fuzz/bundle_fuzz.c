/* A bundle's archive, from its first octet to a verdict: tar in whatever libarchive unpacks
 * here, and ZIP; then its small texts by themselves. */
#include "formats/bundle/check.h"
#include "formats/bundle/document.h"
#include "formats/bundle/proof.h"
#include "formats/formats.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void texts(struct vs_arena *arena, struct vs_bytes bytes)
{
    uint8_t digest[32];
    char path[VS_BAG_PATH_MAX + 1];
    struct vs_bundle_proof proof;
    struct vs_bundle_document document = {0};
    uint64_t numbers[3];
    vs_time_ms created;
    struct vs_error err;
    bool good;
    if (vs_bag_line_read(bytes, digest, path) && !vs_bag_path_good(path))
        abort();
    if (vs_bundle_proof_read(bytes, &proof)) {
        VS_BUFFER again;
        vs_buffer_init(&again, 1 << 20);
        vs_bundle_proof_write(&again, &proof);
        if (!vs_bytes_equal(vs_buffer_view(&again), bytes))
            abort(); /* there is one writing of it */
    }
    (void)vs_bag_info_read(bytes, &numbers[0], &numbers[1], &numbers[2], &created);
    (void)vs_bundle_document_given(arena, bytes, &document, &good, &err).code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    struct vs_bytes_source source;
    struct vs_bundle_archive archive;
    struct vs_bundle_verdict verdict;
    static bool ready;
    if (!ready && !vs_ok(vs_formats_init(&err)))
        abort();
    ready = true;
    VS_ARENA *arena = vs_arena_new((size_t)64 << 20);
    vs_bytes_source_init(&source, VS_BYTES(data, size));
    vs_bundle_archive_init(&archive, &source.source);
    struct vs_bundle_check check = {.input = &archive.input, .at = INT64_C(1800000000000)};
    if (vs_ok(vs_bundle_verify(arena, &check, &verdict, &err)) && !verdict.holds &&
        (verdict.path == NULL || verdict.rule == NULL || verdict.text == NULL))
        abort();
    texts(arena, VS_BYTES(data, size));
    return 0;
}
