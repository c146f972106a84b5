#include "formats/container/asic_priv.h"
#include "formats/container/fold.h"

#define MOST_ENTRIES 999 /* what DSS and our own reader take */

static vs_rc make_odf_manifest(struct vs_arena *arena, const struct vs_asic_options *options,
                               struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, 8 * 1024 * 1024);
    vs_buffer_text(&to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<manifest:manifest xmlns:manifest=\"" VS_ODF_NAMESPACE
                        "\" manifest:version=\"1.2\">\n"
                        "  <manifest:file-entry manifest:full-path=\"/\""
                        " manifest:media-type=\"" VS_ASIC_E_TYPE "\"/>\n");
    for (size_t i = 0; i < options->n_objects; i++) {
        vs_buffer_text(&to, "  <manifest:file-entry manifest:full-path=\"");
        vs_buffer_xml(&to, options->objects[i].part.name);
        vs_buffer_text(&to, "\" manifest:media-type=\"");
        vs_buffer_xml(&to, options->objects[i].media_type);
        vs_buffer_text(&to, "\"/>\n");
    }
    vs_buffer_text(&to, "</manifest:manifest>\n");
    return vs_buffer_copy(&to, arena, ret, err);
}

vs_rc vs_asic_layout(struct vs_arena *arena, const struct vs_asic_options *options,
                     const struct vs_source **ret, struct vs_error *err)
{
    size_t n = 0, most = 2 + options->n_objects + options->n_proofs;
    struct vs_zip_part *parts = vs_arena_make_n(arena, struct vs_zip_part, most);
    if (parts == NULL)
        return vs_fail_memory(err);
    if (most > MOST_ENTRIES)
        return vs_fail(err, VS_E_LIMIT, NULL, "a container of %zu entries", most);
    bool e = options->kind == VS_ASIC_E;
    const char *type = e ? VS_ASIC_E_TYPE : VS_ASIC_S_TYPE;
    parts[n++] = (struct vs_zip_part){.name = "mimetype", .bytes = vs_bytes_text(type)};
    if (e) {
        parts[n].name = "META-INF/manifest.xml";
        VS_TRY(make_odf_manifest(arena, options, &parts[n++].bytes, err));
    }
    for (size_t i = 0; i < options->n_objects; i++)
        parts[n++] = options->objects[i].part;
    for (size_t i = 0; i < options->n_proofs; i++)
        parts[n++] = options->proofs[i];
    return vs_zip_layout(arena, parts, n, ret, err);
}

/* Whether `key` is `other`, or lies in a folder of that name. */
static bool clashes(const char *key, const char *other)
{
    size_t len = strlen(other);
    return strncmp(key, other, len) == 0 && (key[len] == '\0' || key[len] == '/');
}

static bool is_safe(struct vs_arena *arena, const char *given, const char *const *taken,
                    size_t n_taken)
{
    struct vs_bytes name = vs_bytes_text(given);
    if (!vs_ok(vs_zip_check_name(name, NULL)) || vs_bytes_ends(name, "/"))
        return false;
    const char *key = vs_name_key(arena, name);
    if (key == NULL || clashes(key, "meta-inf") || clashes(key, "mimetype"))
        return false;
    for (size_t i = 0; i < n_taken; i++) {
        const char *other = vs_name_key(arena, vs_bytes_text(taken[i]));
        if (other == NULL || clashes(key, other))
            return false;
    }
    return true;
}

const char *vs_asic_safe_name(struct vs_arena *arena, const char *given,
                              const char *const *taken, size_t n_taken)
{
    if (given != NULL && is_safe(arena, given, taken, n_taken))
        return vs_arena_strdup(arena, given);
    const char *dot = given == NULL ? NULL : strrchr(given, '.');
    size_t len = 0;
    for (const char *c = dot == NULL ? "" : dot + 1; *c != '\0'; c++, len++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            return vs_arena_strdup(arena, "document.bin");
    if (len < 1 || len > 8)
        return vs_arena_strdup(arena, "document.bin");
    return vs_arena_printf(arena, "document.%s", dot + 1);
}

static vs_rc put_covered(struct vs_buffer *to, struct vs_arena *arena,
                         const struct vs_asic_covered *covered, struct vs_error *err)
{
    char *uri = vs_percent_encode(arena, vs_bytes_text(covered->name));
    if (uri == NULL)
        return vs_fail_memory(err);
    vs_buffer_printf(to, "  <asic:DataObjectReference URI=\"%s\"", uri);
    if (covered->media_type != NULL) {
        vs_buffer_text(to, " MimeType=\"");
        vs_buffer_xml(to, covered->media_type);
        vs_buffer_text(to, "\"");
    }
    vs_buffer_text(to, ">\n    <ds:DigestMethod Algorithm=\""
                       "http://www.w3.org/2001/04/xmlenc#sha256\"/>\n    <ds:DigestValue>");
    vs_buffer_base64(to, VS_BYTES(covered->sha256, 32));
    vs_buffer_text(to, "</ds:DigestValue>\n  </asic:DataObjectReference>\n");
    return VS_OK;
}

vs_rc vs_asic_manifest_make(struct vs_arena *arena, const char *reference,
                            const char *reference_type, const struct vs_asic_covered *covered,
                            size_t n, struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, 1024 * 1024);
    vs_buffer_text(&to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<asic:ASiCManifest xmlns:asic=\"" VS_ASIC_NAMESPACE
                        "\" xmlns:ds=\"" VS_DS_NAMESPACE "\">\n"
                        "  <asic:SigReference URI=\"");
    vs_buffer_xml(&to, reference);
    if (reference_type != NULL) {
        vs_buffer_text(&to, "\" MimeType=\"");
        vs_buffer_xml(&to, reference_type);
    }
    vs_buffer_text(&to, "\"/>\n");
    for (size_t i = 0; i < n; i++)
        VS_TRY(put_covered(&to, arena, &covered[i], err));
    vs_buffer_text(&to, "</asic:ASiCManifest>\n");
    return vs_buffer_copy(&to, arena, ret, err);
}

vs_rc vs_asic_record_manifest(struct vs_arena *arena, const struct vs_asic_covered *covered,
                              size_t n, struct vs_bytes *ret, struct vs_error *err)
{
    return vs_asic_manifest_make(arena, "META-INF/evidencerecord.ers", NULL, covered, n, ret,
                                 err);
}
