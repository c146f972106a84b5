/* XML cut at places that the input chooses: the same outcome as uncut; and what the stream
 * takes the parser of whole documents takes too, as the same document. */
#include "formats/formats.h"
#include "formats/xml/c14n.h"
#include "formats/xml/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static vs_rc on_element(void *context, const struct vs_xml_node *element, bool *ret_apart,
                        struct vs_error *err)
{
    (void)context, (void)err;
    *ret_apart = strcmp(vs_xml_name(element), "content") == 0;
    return VS_OK;
}

static vs_rc on_text(void *context, struct vs_bytes piece, struct vs_error *err)
{
    (void)err;
    vs_buffer_add(context, piece);
    return VS_OK;
}

static struct vs_xml *read(struct vs_bytes text, size_t step, struct vs_buffer *apart)
{
    struct vs_error err;
    struct vs_xml_stream_events events = {apart, on_element, on_text};
    struct vs_xml_stream *stream = NULL;
    struct vs_xml *xml = NULL;
    VS_ASSERT(vs_ok(vs_xml_stream_new(&vs_xml_limits_default, &events, &stream, &err)));
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < text.len && vs_ok(rc); i += step)
        rc = vs_xml_stream_feed(
            stream, VS_BYTES(text.ptr + i, text.len - i < step ? text.len - i : step), &err);
    if (vs_ok(rc))
        rc = vs_xml_stream_end(stream, &xml, &err);
    vs_xml_stream_free(stream);
    VS_ASSERT(vs_ok(rc) == (xml != NULL));
    return xml;
}

static void canonical(const struct vs_xml *xml, struct vs_buffer *to)
{
    struct vs_error err;
    struct vs_c14n_options how = {.method = VS_C14N_10_COMMENTS};
    vs_buffer_init(to, 1 << 24);
    if (!vs_ok(vs_c14n_buffer(xml, NULL, &how, to, &err)))
        vs_buffer_clear(to);
}

static void same(const struct vs_xml *a, const struct vs_xml *b)
{
    VS_BUFFER first, second;
    canonical(a, &first);
    canonical(b, &second);
    VS_ASSERT(vs_bytes_equal(vs_buffer_view(&first), vs_buffer_view(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    if (size < 2 || size > 1 << 16)
        return 0;
    struct vs_bytes text = VS_BYTES(data + 1, size - 1);
    VS_BUFFER apart_whole, apart_cut;
    vs_buffer_init(&apart_whole, 1 << 20);
    vs_buffer_init(&apart_cut, 1 << 20);
    VS_XML *whole = read(text, text.len, &apart_whole);
    VS_XML *cut = read(text, 1 + data[0] % 80, &apart_cut);
    VS_ASSERT((whole != NULL) == (cut != NULL));
    if (whole == NULL)
        return 0;
    same(whole, cut);
    VS_ASSERT(vs_bytes_equal(vs_buffer_view(&apart_whole), vs_buffer_view(&apart_cut)));
    VS_XML *parsed = NULL;
    VS_ASSERT(vs_ok(vs_xml_parse(text, NULL, &parsed, &err)));
    if (apart_whole.len == 0)
        same(whole, parsed);
    return 0;
}
