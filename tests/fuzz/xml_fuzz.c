/* The parser and its readers: no crash, no leak, limits kept. */
#include "formats/formats.h"
#include "formats/xml/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    VS_XML *xml = NULL;
    if (!vs_ok(vs_xml_parse(VS_BYTES(data, size), NULL, &xml, &err))) {
        VS_ASSERT(!vs_text_has_controls(vs_bytes_text(err.text)));
        return 0;
    }
    VS_ARENA *arena = vs_arena_new((size_t)1 << 24);
    const struct vs_xml_node *root = vs_xml_root(xml);
    unsigned n = 0;
    for (const struct vs_xml_node *e = root; e != NULL; e = vs_xml_walk(root, e)) {
        const char *text;
        struct vs_bytes bytes;
        vs_time_ms t;
        (void)!vs_ok(vs_xml_text(e, arena, &text, &err));
        (void)!vs_ok(vs_xml_token(e, arena, &text, &err));
        (void)!vs_ok(vs_xml_base64(e, arena, &bytes, &err));
        (void)!vs_ok(vs_xml_time(e, &t, &err));
        const char *id = vs_xml_attribute(e, "Id");
        const struct vs_xml_node *found;
        if (id != NULL && vs_ok(vs_xml_by_id(xml, id, &found, &err)))
            VS_ASSERT(found == e);
        VS_ASSERT(++n <= vs_xml_limits_default.max_nodes);
    }
    (void)!vs_ok(vs_xml_ids_unique(xml, &err));
    (void)!vs_ok(vs_xml_refuse_comments(root, &err));
    (void)!vs_ok(vs_xml_refuse_split_text(root, vs_xml_first(root), &err));
    return 0;
}
