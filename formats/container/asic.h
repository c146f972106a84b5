/* asic.h - ASiC containers (EN 319 162-1): what lies in one, and laying one out.
 *
 * Reading sorts the entries of a strictly read ZIP (zip.h) into data objects, signatures, time
 * marks, evidence records and manifests. It says what is there, not that anything is valid:
 * which data object a signature covers, and so VS_E_ASIC_UNSIGNED_FILE, is
 * formats/validation's.
 *
 * Rules that one may see as a matter of form are not refused but noted (`notes`), because
 * signed documents in the world break them (a mimetype that is missing, last or deflated): a
 * validator warns, an exchange that asks for strict ASiC calls vs_asic_check_strict, which
 * refuses them. What makes the container ambiguous or untrue is refused always. Entries are
 * matched by exact name; that no two names are alike is zip.h's rule. Nested containers are
 * data. */
#ifndef VS_FORMATS_CONTAINER_ASIC_H
#define VS_FORMATS_CONTAINER_ASIC_H
#include "formats/container/zip.h"

#define VS_ASIC_E_TYPE "application/vnd.etsi.asic-e+zip"
#define VS_ASIC_S_TYPE "application/vnd.etsi.asic-s+zip"

enum vs_asic_kind { VS_ASIC_E, VS_ASIC_S };

/* What an entry is, by its name (EN 319 162-1, 4.3.3, 4.4.3 and annex A.6). */
enum vs_asic_role {
    VS_ASIC_DATA,
    VS_ASIC_MIMETYPE,
    VS_ASIC_FOLDER,
    VS_ASIC_ODF_MANIFEST,             /* META-INF/manifest.xml */
    VS_ASIC_XADES,                    /* META-INF/ *signatures*.xml */
    VS_ASIC_CADES,                    /* META-INF/ *signature*.p7s */
    VS_ASIC_TIMESTAMP,                /* META-INF/ *timestamp*.tst */
    VS_ASIC_EVIDENCE_RECORD,          /* META-INF/ *evidencerecord*.ers or .xml */
    VS_ASIC_MANIFEST,                 /* META-INF/ *ASiCManifest*.xml */
    VS_ASIC_ARCHIVE_MANIFEST,         /* META-INF/ *ASiCArchiveManifest*.xml */
    VS_ASIC_EVIDENCE_RECORD_MANIFEST, /* META-INF/ *ASiCEvidenceRecordManifest*.xml */
    VS_ASIC_OTHER,                    /* anything else in META-INF/ */
};

enum vs_asic_note {
    VS_ASIC_NOTE_NO_MIMETYPE = 1 << 0,
    VS_ASIC_NOTE_MIMETYPE_NOT_FIRST = 1 << 1,
    VS_ASIC_NOTE_MIMETYPE_DEFLATED = 1 << 2,
    VS_ASIC_NOTE_MIMETYPE_EXTRA = 1 << 3,    /* an extra field before its content */
    VS_ASIC_NOTE_NO_ODF_MANIFEST = 1 << 4,   /* of an ASiC-E with XAdES */
    VS_ASIC_NOTE_ODF_MANIFEST_TYPE = 1 << 5, /* its "/" has another media type than mimetype */
    VS_ASIC_NOTE_S_SUBFOLDER = 1 << 6,       /* ASiC-S: the data object lies in a folder */
    VS_ASIC_NOTE_S_SEVERAL_DATA = 1 << 7,    /* ASiC-S: not exactly one data object */
    VS_ASIC_NOTE_S_SEVERAL_PROOFS = 1 << 8,  /* ASiC-S: more than one signature file, ... */
    VS_ASIC_NOTE_NO_DATA = 1 << 9,
    VS_ASIC_NOTE_NO_PROOF = 1 << 10,           /* no signature, time mark or evidence record */
    VS_ASIC_NOTE_ODF_MANIFEST_FILES = 1 << 11, /* it lists what is not there, or not all */
};

struct vs_asic_entry {
    const struct vs_zip_entry *zip;
    enum vs_asic_role role;
    const char *media_type; /* from META-INF/manifest.xml; NULL where it says none */
};

/* Immutable; lives in the arena. `zip->source` must outlive it. */
struct vs_asic {
    const struct vs_zip *zip;
    enum vs_asic_kind kind;              /* by mimetype; without one by what is there */
    const char *media_type;              /* content of mimetype, NULL where it is missing */
    const struct vs_asic_entry *entries; /* in the order of the archive */
    size_t n_entries;
    unsigned notes; /* enum vs_asic_note */
};

/* Refuses, besides what zip.h refuses: VS_E_NOT_ASIC (a ZIP without mimetype, signature, time
 * mark or evidence record; a mimetype that is not an ASiC's; a reserved name in another case;
 * META-INF not in the root; an ASiC-S with a signature and a time mark, without data, or
 * without signature and its data in a folder), VS_E_ASIC_MANIFEST (a manifest.xml that is not
 * one, lists a name twice, or an empty or escaping path), VS_E_XML and its kin. */
VS_NODISCARD vs_rc vs_asic_open(struct vs_arena *arena, const struct vs_source *source,
                                const struct vs_zip_limits *limits, const struct vs_asic **ret,
                                struct vs_error *err);

/* Refuse with VS_E_NOT_ASIC what was only noted: for agreements that ask for ASiC as the
 * standard has it. `ignore`: notes not to refuse. */
VS_NODISCARD vs_rc vs_asic_check_strict(const struct vs_asic *asic, unsigned ignore,
                                        struct vs_error *err);
/* One line in English for one note. */
const char *vs_asic_note_text(enum vs_asic_note note);

const struct vs_asic_entry *vs_asic_find(const struct vs_asic *asic, const char *name);

/* One DataObjectReference of a manifest. */
struct vs_asic_reference {
    const char *uri;                   /* as written */
    const char *name;                  /* percent-decoded: the entry's name */
    const struct vs_asic_entry *entry; /* NULL: not in the container */
    const char *media_type;            /* may be NULL */
    bool rootfile;
    const char *digest_uri; /* ds:DigestMethod/@Algorithm */
    struct vs_bytes digest;
};

/* ASiCManifest, ASiCArchiveManifest or ASiCEvidenceRecordManifest (EN 319 162-1, A.4). */
struct vs_asic_manifest {
    const char *sig_reference_uri;
    const struct vs_asic_entry *sig_reference; /* NULL: not in the container */
    const char *sig_reference_type;            /* may be NULL */
    const struct vs_asic_reference *references;
    size_t n_references;
};
/* Read the manifest in `entry`. VS_E_ASIC_MANIFEST, VS_E_XML and its kin. */
VS_NODISCARD vs_rc vs_asic_manifest_read(struct vs_arena *arena, const struct vs_asic *asic,
                                         const struct vs_asic_entry *entry,
                                         const struct vs_asic_manifest **ret,
                                         struct vs_error *err);

/* -- making -------------------------------------------------------------------------------- */

/* A data object to pack. `name` must be safe: see vs_asic_safe_name. */
struct vs_asic_object {
    struct vs_zip_part part;
    const char *media_type;
};

/* What to lay out: mimetype, META-INF/manifest.xml (ASiC-E), the objects, the proofs. */
struct vs_asic_options {
    enum vs_asic_kind kind;
    const struct vs_asic_object *objects;
    size_t n_objects;
    const struct vs_zip_part *proofs; /* META-INF/..., after the objects */
    size_t n_proofs;
};
/* The container as a source, the same bits each time (zip.h, vs_zip_layout). */
VS_NODISCARD vs_rc vs_asic_layout(struct vs_arena *arena, const struct vs_asic_options *options,
                                  const struct vs_source **ret, struct vs_error *err);

/* The name that an original gets in a consignment: `given` when it is safe and neither lies in
 * META-INF/ nor equals mimetype or one of `taken` but for case; else "document.<ext>" with the
 * extension of `given` when that is 1 to 8 ASCII letters and digits, else "document.bin".
 * NULL: the arena is full. */
const char *vs_asic_safe_name(struct vs_arena *arena, const char *given,
                              const char *const *taken, size_t n_taken);

struct vs_asic_covered {
    const char *name;
    const char *media_type;
    const uint8_t *sha256;
};
/* An ASiCManifest (EN 319 162-1, A.4): the file `reference` (a signature, of `reference_type`;
 * NULL: none is stated) covers these with their SHA-256 digests (32 bytes each). */
VS_NODISCARD vs_rc vs_asic_manifest_make(struct vs_arena *arena, const char *reference,
                                         const char *reference_type,
                                         const struct vs_asic_covered *covered, size_t n,
                                         struct vs_bytes *ret, struct vs_error *err);
/* META-INF/ASiCEvidenceRecordManifest001.xml, for META-INF/evidencerecord.ers. */
VS_NODISCARD vs_rc vs_asic_record_manifest(struct vs_arena *arena,
                                           const struct vs_asic_covered *covered, size_t n,
                                           struct vs_bytes *ret, struct vs_error *err);
#endif
