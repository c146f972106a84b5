/* multipart/form-data or multipart/related, cut at a place that the input chooses: the same
 * parts come out as uncut.
 */
#include "gateway/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vs_multipart_kind kind;

static vs_rc on_part(void *context, const struct vs_multipart_part *part, struct vs_error *err)
{
    (void)err;
    VS_ASSERT(kind == VS_MULTIPART_RELATED || part->name[0] != '\0');
    vs_buffer_printf(context, "[%s|%s|%s]", part->name, part->id, part->media_type);
    return VS_OK;
}

static vs_rc on_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    (void)err;
    vs_buffer_add(context, bytes);
    return VS_OK;
}

static bool feed(const uint8_t *data, size_t size, size_t step, struct vs_buffer *out)
{
    struct vs_error err;
    struct vs_multipart_events events = {out, on_part, on_data};
    struct vs_multipart *multipart = NULL;
    VS_ASSERT(
        vs_ok(vs_multipart_new("multipart/x; boundary=XX", kind, &events, &multipart, &err)));
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < size && vs_ok(rc); i += step)
        rc = vs_multipart_feed(multipart, VS_BYTES(data + i, size - i < step ? size - i : step),
                               &err);
    if (vs_ok(rc))
        rc = vs_multipart_end(multipart, &err);
    vs_multipart_free(multipart);
    return vs_ok(rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1 << 16)
        return 0;
    kind = (data[0] & 128) != 0 ? VS_MULTIPART_RELATED : VS_MULTIPART_FORM;
    VS_BUFFER whole, cut;
    vs_buffer_init(&whole, 1 << 20);
    vs_buffer_init(&cut, 1 << 20);
    bool good = feed(data + 1, size - 1, size, &whole);
    VS_ASSERT(feed(data + 1, size - 1, 1 + data[0] % 40, &cut) == good);
    if (good)
        VS_ASSERT(vs_bytes_equal(vs_buffer_view(&whole), vs_buffer_view(&cut)));
    return 0;
}
