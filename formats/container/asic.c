#include "formats/container/asic.h"
#include "formats/container/asic_priv.h"

#define META "META-INF/"

struct reading {
    struct vs_arena *arena;
    struct vs_asic *asic;
    struct vs_asic_entry *entries;
    size_t count[VS_ASIC_OTHER + 1]; /* by role */
    struct vs_error *err;
};

#define REFUSE_IF(condition, ...)                                                              \
    VS_REFUSE_IF(condition, r->err, VS_E_NOT_ASIC, NULL, __VA_ARGS__)

/* -- what an entry is --------------------------------------------------------------------- */

/* Names of META-INF/ that mean something, by a part of the folded name and its ending; the
 * first row that fits. EN 319 162-1, 4.3.3.2, 4.4.3.2, A.6, A.7. Without regard to case, as
 * other validators look: what one of them takes for a signature is not passed over here. */
static const struct {
    const char *part, *ending;
    enum vs_asic_role role;
} meta_roles[] = {
    {"asicarchivemanifest", ".xml", VS_ASIC_ARCHIVE_MANIFEST},
    {"asicevidencerecordmanifest", ".xml", VS_ASIC_EVIDENCE_RECORD_MANIFEST},
    {"asicmanifest", ".xml", VS_ASIC_MANIFEST},
    {"evidencerecord", ".ers", VS_ASIC_EVIDENCE_RECORD},
    {"evidencerecord", ".xml", VS_ASIC_EVIDENCE_RECORD},
    {"signatures", ".xml", VS_ASIC_XADES},
    {"signature", ".p7s", VS_ASIC_CADES},
    {"timestamp", ".tst", VS_ASIC_TIMESTAMP},
};

static enum vs_asic_role role_of(const struct vs_zip_entry *entry)
{
    if (entry->directory)
        return VS_ASIC_FOLDER;
    if (strcmp(entry->name, "mimetype") == 0)
        return VS_ASIC_MIMETYPE;
    if (!vs_text_starts(entry->name, META))
        return VS_ASIC_DATA;
    if (strcmp(entry->name, META "manifest.xml") == 0)
        return VS_ASIC_ODF_MANIFEST;
    const char *name = entry->key + strlen(META);
    for (size_t i = 0; i < sizeof meta_roles / sizeof *meta_roles; i++)
        if (strstr(name, meta_roles[i].part) != NULL &&
            vs_bytes_ends(vs_bytes_text(name), meta_roles[i].ending))
            return meta_roles[i].role;
    return VS_ASIC_OTHER;
}

static vs_rc sort_entries(struct reading *r)
{
    const struct vs_zip *zip = r->asic->zip;
    for (size_t i = 0; i < zip->n_entries; i++) {
        const struct vs_zip_entry *entry = &zip->entries[i];
        r->entries[i] = (struct vs_asic_entry){.zip = entry, .role = role_of(entry)};
        r->count[r->entries[i].role]++;
        /* Other readers, on other file systems, would take these for the real ones. */
        REFUSE_IF(
            (vs_text_starts(entry->key, "meta-inf/") && !vs_text_starts(entry->name, META)) ||
                strcmp(entry->key, "meta-inf") == 0 ||
                (strcmp(entry->key, "mimetype") == 0 && r->entries[i].role != VS_ASIC_MIMETYPE),
            "'%.100s' is a reserved name in another case", entry->name);
    }
    return VS_OK;
}

static size_t signatures(const struct reading *r)
{
    return r->count[VS_ASIC_XADES] + r->count[VS_ASIC_CADES];
}

static size_t proofs(const struct reading *r)
{
    return signatures(r) + r->count[VS_ASIC_TIMESTAMP] + r->count[VS_ASIC_EVIDENCE_RECORD];
}

/* -- mimetype (EN 319 162-1, A.1) --------------------------------------------------------- */

static enum vs_asic_kind kind_by_content(const struct reading *r)
{
    size_t manifests = r->count[VS_ASIC_MANIFEST] + r->count[VS_ASIC_EVIDENCE_RECORD_MANIFEST];
    return manifests == 0 && proofs(r) == 1 && r->count[VS_ASIC_DATA] == 1 ? VS_ASIC_S
                                                                           : VS_ASIC_E;
}

static vs_rc read_mimetype(struct reading *r)
{
    struct vs_asic *asic = r->asic;
    const struct vs_zip_entry *entry = vs_zip_find(asic->zip, "mimetype");
    struct vs_bytes text;
    if (entry == NULL) {
        REFUSE_IF(proofs(r) == 0, "it has neither mimetype nor signature");
        asic->notes |= VS_ASIC_NOTE_NO_MIMETYPE;
        asic->kind = kind_by_content(r);
        return VS_OK;
    }
    if (entry->size > 200)
        return vs_fail(r->err, VS_E_NOT_ASIC, NULL, "mimetype has %llu bytes",
                       (unsigned long long)entry->size);
    VS_TRY(vs_zip_read_all(asic->zip, entry, r->arena, 200, &text, r->err));
    bool s = vs_bytes_is(text, VS_ASIC_S_TYPE), e = vs_bytes_is(text, VS_ASIC_E_TYPE);
    REFUSE_IF(!s && !e, "its mimetype is not an ASiC container's");
    asic->kind = s ? VS_ASIC_S : e ? VS_ASIC_E : kind_by_content(r);
    asic->media_type = asic->kind == VS_ASIC_S ? VS_ASIC_S_TYPE : VS_ASIC_E_TYPE;
    if (entry != &asic->zip->entries[0])
        asic->notes |= VS_ASIC_NOTE_MIMETYPE_NOT_FIRST;
    if (entry->method != VS_ZIP_STORED)
        asic->notes |= VS_ASIC_NOTE_MIMETYPE_DEFLATED;
    if (entry->local_extra)
        asic->notes |= VS_ASIC_NOTE_MIMETYPE_EXTRA;
    return VS_OK;
}

/* -- the whole ---------------------------------------------------------------------------- */

static bool any_data_in_folder(const struct reading *r)
{
    for (size_t i = 0; i < r->asic->n_entries; i++)
        if (r->entries[i].role == VS_ASIC_DATA && strchr(r->entries[i].zip->name, '/') != NULL)
            return true;
    return false;
}

static bool any_nested_meta(const struct reading *r)
{
    for (size_t i = 0; i < r->asic->n_entries; i++)
        if (strstr(r->entries[i].zip->name, "/" META) != NULL)
            return true;
    return false;
}

/* EN 319 162-1, 4.3: one data object, in the root, under one proof. With a signature the fault
 * is the signature's verdict (FORMAT_FAILURE); without one there is nothing to give a verdict
 * on, so the container is refused. */
static vs_rc check_simple(struct reading *r)
{
    bool subfolder = any_data_in_folder(r);
    REFUSE_IF(r->count[VS_ASIC_DATA] == 0, "an ASiC-S without a data object");
    REFUSE_IF(signatures(r) > 0 && r->count[VS_ASIC_TIMESTAMP] > 0,
              "an ASiC-S with a signature and a time-stamp");
    REFUSE_IF(subfolder && signatures(r) == 0, "an ASiC-S with its data in a folder");
    if (subfolder)
        r->asic->notes |= VS_ASIC_NOTE_S_SUBFOLDER;
    if (r->count[VS_ASIC_DATA] > 1)
        r->asic->notes |= VS_ASIC_NOTE_S_SEVERAL_DATA;
    /* Several time-stamps are a chain of archive manifests (A.7), so no fault. */
    if (signatures(r) > 1)
        r->asic->notes |= VS_ASIC_NOTE_S_SEVERAL_PROOFS;
    return VS_OK;
}

static vs_rc check_whole(struct reading *r)
{
    REFUSE_IF(proofs(r) == 0 && any_nested_meta(r), "META-INF is not in the root");
    if (proofs(r) == 0)
        r->asic->notes |= VS_ASIC_NOTE_NO_PROOF;
    if (r->count[VS_ASIC_DATA] == 0)
        r->asic->notes |= VS_ASIC_NOTE_NO_DATA;
    if (r->count[VS_ASIC_ODF_MANIFEST] == 0 && r->asic->kind == VS_ASIC_E &&
        r->count[VS_ASIC_XADES] > 0)
        r->asic->notes |= VS_ASIC_NOTE_NO_ODF_MANIFEST;
    return r->asic->kind == VS_ASIC_S ? check_simple(r) : VS_OK;
}

vs_rc vs_asic_open(struct vs_arena *arena, const struct vs_source *source,
                   const struct vs_zip_limits *limits, const struct vs_asic **ret,
                   struct vs_error *err)
{
    const struct vs_zip *zip;
    VS_TRY(vs_zip_open(arena, source, limits, &zip, err));
    struct vs_asic *asic = vs_arena_make(arena, struct vs_asic);
    struct reading r = {.arena = arena, .asic = asic, .err = err};
    r.entries = vs_arena_make_n(arena, struct vs_asic_entry, zip->n_entries + 1);
    if (asic == NULL || r.entries == NULL)
        return vs_fail_memory(err);
    asic->zip = zip;
    asic->entries = r.entries;
    asic->n_entries = zip->n_entries;
    VS_TRY(sort_entries(&r));
    VS_TRY(read_mimetype(&r));
    VS_TRY(check_whole(&r));
    if (r.count[VS_ASIC_ODF_MANIFEST] > 0)
        VS_TRY(vs_asic_read_odf_manifest(arena, asic, r.entries, err));
    *ret = asic;
    return VS_OK;
}

const struct vs_asic_entry *vs_asic_find(const struct vs_asic *asic, const char *name)
{
    for (size_t i = 0; i < asic->n_entries; i++)
        if (strcmp(asic->entries[i].zip->name, name) == 0)
            return &asic->entries[i];
    return NULL;
}

static const char *const note_texts[] = {
    "it has no mimetype",
    "mimetype is not its first entry",
    "mimetype is compressed",
    "mimetype has an extra field",
    "an ASiC-E with XAdES has no META-INF/manifest.xml",
    "META-INF/manifest.xml names another container type than mimetype",
    "the data object of an ASiC-S lies in a folder",
    "an ASiC-S has more than one data object",
    "an ASiC-S has more than one signature file",
    "it has no data object",
    "it has no signature, time mark or evidence record",
    "META-INF/manifest.xml does not list the files that are there",
};

const char *vs_asic_note_text(enum vs_asic_note note)
{
    unsigned bit = (unsigned)__builtin_ctz((unsigned)note);
    VS_ASSERT(bit < sizeof note_texts / sizeof *note_texts);
    return note_texts[bit];
}

vs_rc vs_asic_check_strict(const struct vs_asic *asic, unsigned ignore, struct vs_error *err)
{
    unsigned notes = asic->notes & ~ignore;
    VS_REFUSE_IF(notes != 0, err, VS_E_NOT_ASIC, NULL, "%s",
                 vs_asic_note_text((enum vs_asic_note)(notes & -notes)));
    return VS_OK;
}
