#include "formats/container/asic_priv.h"
#include "formats/xml/xml.h"
#include <stdlib.h>

#define MANIFEST_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define MOST_FILES         5000 /* twice and more what a container may hold */

static vs_rc wrong(struct vs_error *err, const struct vs_xml_node *node, const char *what)
{
    return vs_fail(err, VS_E_ASIC_MANIFEST, NULL, "line %ld: %s", vs_xml_line(node), what);
}

static vs_rc parse(struct vs_arena *arena, const struct vs_asic *asic,
                   const struct vs_zip_entry *entry, struct vs_xml **ret, struct vs_error *err)
{
    struct vs_bytes text;
    VS_TRY(vs_zip_read_all(asic->zip, entry, arena, MANIFEST_MAX_BYTES, &text, err));
    return vs_xml_parse(text, NULL, ret, err);
}

/* -- OpenDocument 1.2, part 3, 4 ---------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One file-entry. */
static vs_rc read_file_entry(struct vs_asic *asic, struct vs_asic_entry *entries,
                             struct vs_arena *arena, const struct vs_xml_node *node,
                             const char **ret_path, struct vs_error *err)
{
    const char *path = vs_xml_attribute_ns(node, VS_ODF_NAMESPACE, "full-path");
    const char *type = vs_xml_attribute_ns(node, VS_ODF_NAMESPACE, "media-type");
    if (path == NULL || type == NULL)
        return wrong(err, node, "a file-entry without full-path or media-type");
    *ret_path = vs_arena_strdup(arena, path);
    const char *kept = vs_arena_strdup(arena, type);
    if (*ret_path == NULL || kept == NULL)
        return vs_fail_memory(err);
    if (strcmp(path, "/") == 0) {
        const char *wanted = asic->kind == VS_ASIC_S ? VS_ASIC_S_TYPE : VS_ASIC_E_TYPE;
        if (strcmp(type, wanted) != 0)
            asic->notes |= VS_ASIC_NOTE_ODF_MANIFEST_TYPE;
        return VS_OK;
    }
    struct vs_error name_error;
    VS_REFUSE_IF(!vs_ok(vs_zip_check_name(vs_bytes_text(path), &name_error)), err,
                 VS_E_ASIC_MANIFEST, NULL, "line %ld: an empty or unsafe path",
                 vs_xml_line(node));
    const struct vs_asic_entry *entry = vs_asic_find(asic, path);
    if (entry == NULL)
        asic->notes |= VS_ASIC_NOTE_ODF_MANIFEST_FILES;
    else
        entries[entry - asic->entries].media_type = kept;
    return VS_OK;
}

vs_rc vs_asic_read_odf_manifest(struct vs_arena *arena, struct vs_asic *asic,
                                struct vs_asic_entry *entries, struct vs_error *err)
{
    VS_XML *document = NULL;
    VS_TRY(parse(arena, asic, vs_zip_find(asic->zip, "META-INF/manifest.xml"), &document, err));
    const struct vs_xml_node *root = vs_xml_root(document);
    if (!vs_xml_is(root, VS_ODF_NAMESPACE, "manifest"))
        return wrong(err, root, "not an OpenDocument manifest");
    size_t n = 0, room = 0;
    const struct vs_xml_node *node = vs_xml_child(root, VS_ODF_NAMESPACE, "file-entry");
    for (; node != NULL; node = vs_xml_next_named(node, VS_ODF_NAMESPACE, "file-entry"))
        room++;
    const char **paths = vs_arena_make_n(arena, const char *, room + 1);
    if (paths == NULL)
        return vs_fail_memory(err);
    if (room > MOST_FILES)
        return wrong(err, root, "a manifest of too many files");
    node = vs_xml_child(root, VS_ODF_NAMESPACE, "file-entry");
    for (; node != NULL; node = vs_xml_next_named(node, VS_ODF_NAMESPACE, "file-entry"))
        VS_TRY(read_file_entry(asic, entries, arena, node, &paths[n++], err));
    qsort(paths, n, sizeof *paths, compare_names);
    for (size_t i = 1; i < n; i++)
        VS_REFUSE_IF(strcmp(paths[i - 1], paths[i]) == 0, err, VS_E_ASIC_MANIFEST, NULL,
                     "META-INF/manifest.xml lists '%.100s' twice", paths[i]);
    for (size_t i = 0; i < asic->n_entries; i++)
        if (entries[i].role == VS_ASIC_DATA && entries[i].media_type == NULL)
            asic->notes |= VS_ASIC_NOTE_ODF_MANIFEST_FILES;
    return VS_OK;
}

/* -- ASiCManifest and its kin (EN 319 162-1, A.4) ----------------------------------------- */

static vs_rc copy_attribute(struct vs_arena *arena, const struct vs_xml_node *node,
                            const char *name, const char **ret, struct vs_error *err)
{
    const char *value = vs_xml_attribute(node, name);
    if (value == NULL)
        return VS_OK;
    *ret = vs_arena_strdup(arena, value);
    return *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

/* The entry that a URI names: relative to the root, percent-decoded, nothing else. */
static vs_rc resolve(struct vs_arena *arena, const struct vs_asic *asic, const char *uri,
                     const char **ret_name, const struct vs_asic_entry **ret,
                     struct vs_error *err)
{
    struct vs_bytes decoded;
    VS_TRY(vs_percent_decode(arena, vs_bytes_text(uri), &decoded, err));
    *ret_name = vs_arena_strndup(arena, (const char *)decoded.ptr, decoded.len);
    if (*ret_name == NULL)
        return vs_fail_memory(err);
    *ret = vs_asic_find(asic, *ret_name);
    return VS_OK;
}

static vs_rc read_reference(struct vs_arena *arena, const struct vs_asic *asic,
                            const struct vs_xml_node *node, struct vs_asic_reference *to,
                            struct vs_error *err)
{
    const struct vs_xml_node *method, *value;
    VS_TRY(copy_attribute(arena, node, "URI", &to->uri, err));
    VS_TRY(copy_attribute(arena, node, "MimeType", &to->media_type, err));
    if (to->uri == NULL)
        return wrong(err, node, "a DataObjectReference without URI");
    VS_TRY(resolve(arena, asic, to->uri, &to->name, &to->entry, err));
    const char *rootfile = vs_xml_attribute(node, "Rootfile");
    to->rootfile = vs_text_equal(rootfile, "true") || vs_text_equal(rootfile, "1");
    VS_TRY(vs_xml_only_child(node, VS_DS_NAMESPACE, "DigestMethod", &method, err));
    VS_TRY(vs_xml_only_child(node, VS_DS_NAMESPACE, "DigestValue", &value, err));
    VS_TRY(copy_attribute(arena, method, "Algorithm", &to->digest_uri, err));
    if (to->digest_uri == NULL)
        return wrong(err, method, "a DigestMethod without Algorithm");
    return vs_xml_base64(value, arena, &to->digest, err);
}

static vs_rc read_references(struct vs_arena *arena, const struct vs_asic *asic,
                             const struct vs_xml_node *root, struct vs_asic_manifest *to,
                             struct vs_error *err)
{
    const char *name = "DataObjectReference";
    const struct vs_xml_node *first = vs_xml_child(root, VS_ASIC_NAMESPACE, name), *node;
    size_t n = 0;
    for (node = first; node != NULL; node = vs_xml_next_named(node, VS_ASIC_NAMESPACE, name))
        n++;
    struct vs_asic_reference *references =
        vs_arena_make_n(arena, struct vs_asic_reference, n + 1);
    if (references == NULL)
        return vs_fail_memory(err);
    if (n == 0 || n > MOST_FILES)
        return wrong(err, root, "a manifest without DataObjectReference, or of too many");
    node = first;
    for (size_t i = 0; i < n; i++, node = vs_xml_next_named(node, VS_ASIC_NAMESPACE, name))
        VS_TRY(read_reference(arena, asic, node, &references[i], err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            VS_REFUSE_IF(strcmp(references[i].name, references[j].name) == 0, err,
                         VS_E_ASIC_MANIFEST, NULL, "a manifest refers to '%.100s' twice",
                         references[i].name);
    to->references = references;
    to->n_references = n;
    return VS_OK;
}

vs_rc vs_asic_manifest_read(struct vs_arena *arena, const struct vs_asic *asic,
                            const struct vs_asic_entry *entry,
                            const struct vs_asic_manifest **ret, struct vs_error *err)
{
    VS_XML *document = NULL;
    struct vs_asic_manifest *manifest = vs_arena_make(arena, struct vs_asic_manifest);
    if (manifest == NULL)
        return vs_fail_memory(err);
    VS_TRY(parse(arena, asic, entry->zip, &document, err));
    const struct vs_xml_node *root = vs_xml_root(document), *reference;
    if (!vs_xml_is(root, VS_ASIC_NAMESPACE, "ASiCManifest"))
        return wrong(err, root, "not an ASiCManifest");
    VS_TRY(vs_xml_only_child(root, VS_ASIC_NAMESPACE, "SigReference", &reference, err));
    const char *name;
    VS_TRY(copy_attribute(arena, reference, "URI", &manifest->sig_reference_uri, err));
    VS_TRY(copy_attribute(arena, reference, "MimeType", &manifest->sig_reference_type, err));
    if (manifest->sig_reference_uri == NULL)
        return wrong(err, reference, "a SigReference without URI");
    VS_TRY(resolve(arena, asic, manifest->sig_reference_uri, &name, &manifest->sig_reference,
                   err));
    VS_TRY(read_references(arena, asic, root, manifest, err));
    *ret = manifest;
    return VS_OK;
}
