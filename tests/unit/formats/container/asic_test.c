#include "tests/unit/unit.h"
#include "formats/container/asic.h"
#include "formats/formats.h"
#include <stdlib.h>
#include <unistd.h>

static const uint8_t sha256[32] = {7};

static const struct vs_source *container(struct vs_arena *arena, enum vs_asic_kind kind)
{
    struct vs_error err;
    static const struct vs_asic_object objects[] = {
        {{.name = "evidence.xml", .bytes = VS_BYTES_LITERAL("<evidence/>")}, "application/xml"},
        {{.name = "m\xc9\x99ktub & co.txt", .bytes = VS_BYTES_LITERAL("salam")}, "text/plain"}};
    static const struct vs_zip_part proofs[] = {
        {.name = "META-INF/signatures0.xml", .bytes = VS_BYTES_LITERAL("<signatures/>")}};
    struct vs_asic_options options = {kind, objects, kind == VS_ASIC_S ? 1 : 2, proofs, 1};
    const struct vs_source *source;
    assert_ok(vs_asic_layout(arena, &options, &source, &err));
    return source;
}

static void asic__reads_what_it_lays_out_without_a_note(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_asic *asic;
    assert_ok(vs_asic_open(arena, container(arena, VS_ASIC_E), NULL, &asic, &err));
    assert_int_equal(asic->kind, VS_ASIC_E);
    assert_int_equal(asic->notes, 0);
    assert_ok(vs_asic_check_strict(asic, 0, &err));
    static const enum vs_asic_role roles[] = {VS_ASIC_MIMETYPE, VS_ASIC_ODF_MANIFEST,
                                              VS_ASIC_DATA, VS_ASIC_DATA, VS_ASIC_XADES};
    assert_int_equal(asic->n_entries, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(asic->entries[i].role, roles[i]);
    assert_string_equal(vs_asic_find(asic, "m\xc9\x99ktub & co.txt")->media_type, "text/plain");
    assert_ok(vs_asic_open(arena, container(arena, VS_ASIC_S), NULL, &asic, &err));
    assert_int_equal(asic->kind, VS_ASIC_S);
    assert_int_equal(asic->notes, 0);
    assert_int_equal(asic->n_entries, 3);
}

static void asic__knows_what_an_entry_is_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum vs_asic_role role;
    } cases[] = {
        {"META-INF/signatures.xml", VS_ASIC_XADES},
        {"META-INF/Signatures001.XML", VS_ASIC_XADES},
        {"META-INF/my-signatures-7.xml", VS_ASIC_XADES},
        {"META-INF/signature.p7s", VS_ASIC_CADES},
        {"META-INF/signature001.p7s", VS_ASIC_CADES},
        {"META-INF/timestamp.tst", VS_ASIC_TIMESTAMP},
        {"META-INF/evidencerecord.ers", VS_ASIC_EVIDENCE_RECORD},
        {"META-INF/evidencerecord2.xml", VS_ASIC_EVIDENCE_RECORD},
        {"META-INF/ASiCManifest.xml", VS_ASIC_MANIFEST},
        {"META-INF/ASiCArchiveManifest001.xml", VS_ASIC_ARCHIVE_MANIFEST},
        {"META-INF/ASiCEvidenceRecordManifest1.xml", VS_ASIC_EVIDENCE_RECORD_MANIFEST},
        {"META-INF/signatures.txt", VS_ASIC_OTHER},
        {"META-INF/container.xml", VS_ASIC_OTHER},
        {"signatures.xml", VS_ASIC_DATA},
        {"data/META-INF/signatures.xml", VS_ASIC_DATA},
    };
    struct vs_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VS_ARENA *arena = vs_arena_new(1 << 20);
        struct vs_asic_object object = {{.name = cases[i].name}, "text/plain"};
        struct vs_asic_options options = {VS_ASIC_E, &object, 1, NULL, 0};
        const struct vs_source *source;
        const struct vs_asic *asic;
        if (strncmp(cases[i].name, "data/", 5) == 0) {
            static const struct vs_zip_part proof = {.name = "META-INF/signatures9.xml"};
            options.proofs = &proof;
            options.n_proofs = 1;
        }
        assert_ok(vs_asic_layout(arena, &options, &source, &err));
        assert_ok(vs_asic_open(arena, source, NULL, &asic, &err));
        assert_int_equal(vs_asic_find(asic, cases[i].name)->role, cases[i].role);
    }
}

/* unzip -Z and python's zipfile, which check in their own way. */
static void asic__is_accepted_by_unzip_and_python(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_source *source = container(arena, VS_ASIC_E);
    struct vs_bytes bytes;
    assert_ok(vs_source_all(source, arena, 1 << 20, &bytes, &err));
    char path[] = "/tmp/vasite-asic-XXXXXX", command[500];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
    snprintf(command, sizeof command,
             "unzip -tq %s >/dev/null && unzip -Z -s %s | sed -n 3p | grep -q "
             "'^-rw-r--r-- .* b- stor 80-Jan-01 00:00 mimetype$' && "
             "python3 -c \"import zipfile, sys; z = zipfile.ZipFile('%s'); "
             "sys.exit(z.testzip() is not None or len(z.infolist()) != 5 "
             "or z.infolist()[0].filename != 'mimetype' "
             "or any(i.compress_type or i.extra for i in z.infolist()))\"",
             path, path, path);
    int status = system(command);
    unlink(path);
    assert_int_equal(status, 0);
}

static void asic__gives_every_original_a_safe_name(void **state)
{
    (void)state;
    static const struct {
        const char *given, *wanted;
    } cases[] = {
        {"letter.pdf", "letter.pdf"},
        {"a/letter.pdf", "a/letter.pdf"},
        {"M\xc9\x99ktub \xe2\x84\x96 1.docx", "M\xc9\x99ktub \xe2\x84\x96 1.docx"},
        {"../letter.pdf", "document.pdf"},
        {"C:\\letter.pdf", "document.pdf"},
        {"META-INF/letter.pdf", "document.pdf"},
        {"meta-inf/letter.pdf", "document.pdf"},
        {"META-INF", "document.bin"},
        {"mimetype", "document.bin"},
        {"MimeType", "document.bin"},
        {"Evidence.XML", "document.XML"},
        {"evidence.xml/a.txt", "document.txt"},
        {"letter\n.p/df", "document.bin"},
        {"letter\n.verylongext", "document.bin"},
        {"folder/", "document.bin"},
        {"", "document.bin"},
        {NULL, "document.bin"},
    };
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const char *taken[] = {"evidence.xml"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(vs_asic_safe_name(arena, cases[i].given, taken, 1),
                            cases[i].wanted);
}

static void asic__reads_the_record_manifest_that_it_makes(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const char *name = "META-INF/ASiCEvidenceRecordManifest001.xml";
    struct vs_asic_covered covered[] = {{"m\xc9\x99ktub +%.txt", "text/plain", sha256},
                                        {"gone.txt", NULL, sha256}};
    struct vs_bytes xml;
    assert_ok(vs_asic_record_manifest(arena, covered, 2, &xml, &err));
    struct vs_asic_object object = {{.name = covered[0].name, .bytes = xml}, "text/plain"};
    struct vs_zip_part proofs[] = {{.name = name, .bytes = xml},
                                   {.name = "META-INF/evidencerecord.ers"}};
    struct vs_asic_options options = {VS_ASIC_E, &object, 1, proofs, 2};
    const struct vs_source *source;
    const struct vs_asic *asic;
    const struct vs_asic_manifest *manifest;
    assert_ok(vs_asic_layout(arena, &options, &source, &err));
    assert_ok(vs_asic_open(arena, source, NULL, &asic, &err));
    const struct vs_asic_entry *entry = vs_asic_find(asic, name);
    assert_int_equal(entry->role, VS_ASIC_EVIDENCE_RECORD_MANIFEST);
    assert_ok(vs_asic_manifest_read(arena, asic, entry, &manifest, &err));
    assert_ptr_equal(manifest->sig_reference,
                     vs_asic_find(asic, "META-INF/evidencerecord.ers"));
    assert_int_equal(manifest->sig_reference->role, VS_ASIC_EVIDENCE_RECORD);
    assert_int_equal(manifest->n_references, 2);
    assert_string_equal(manifest->references[0].name, covered[0].name);
    assert_string_equal(manifest->references[0].media_type, "text/plain");
    assert_non_null(manifest->references[0].entry);
    assert_null(manifest->references[1].entry);
    assert_string_equal(manifest->references[0].digest_uri,
                        "http://www.w3.org/2001/04/xmlenc#sha256");
    assert_bytes_equal(manifest->references[0].digest, VS_BYTES(sha256, 32));

    const char *shared = getenv("VASITE_SHARED");
    if (shared == NULL)
        return;
    char path[] = "/tmp/vasite-manifest-XXXXXX", command[500];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, xml.ptr, xml.len), xml.len);
    close(fd);
    snprintf(command, sizeof command,
             "XML_CATALOG_FILES=%s/schemas/catalog.xml xmllint --nonet --noout --schema "
             "%s/schemas/en_31916201v010101.xsd %s 2>/dev/null",
             shared, shared, path);
    int status = system(command);
    unlink(path);
    assert_int_equal(status, 0);
}

static void asic__refuses_a_manifest_that_refers_to_a_name_twice(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const char *name = "META-INF/ASiCManifest.xml";
    struct vs_asic_covered covered[] = {{"a.txt", NULL, sha256}, {"a.txt", NULL, sha256}};
    for (size_t n = 1; n <= 2; n++) {
        struct vs_bytes xml;
        assert_ok(vs_asic_record_manifest(arena, covered, n, &xml, &err));
        struct vs_asic_object object = {{.name = "a.txt"}, "text/plain"};
        struct vs_zip_part proof = {.name = name, .bytes = xml};
        struct vs_asic_options options = {VS_ASIC_E, &object, 1, &proof, 1};
        const struct vs_source *source;
        const struct vs_asic *asic;
        const struct vs_asic_manifest *manifest;
        assert_ok(vs_asic_layout(arena, &options, &source, &err));
        assert_ok(vs_asic_open(arena, source, NULL, &asic, &err));
        const struct vs_asic_entry *entry = vs_asic_find(asic, name);
        vs_rc rc = vs_asic_manifest_read(arena, asic, entry, &manifest, &err);
        assert_int_equal(rc.code, n == 1 ? VS_E_NONE : VS_E_ASIC_MANIFEST);
    }
}

/* Files of other projects; skipped where the shared folder is absent. */
static void asic__opens_the_containers_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum vs_code code;
        enum vs_asic_kind kind;
        unsigned notes;
    } cases[] = {
        {"asic-e-xades/singleValidSignatureTS.asice", VS_E_NONE, VS_ASIC_E, 0},
        {"asic-e-xades/no-signed-file.asice", VS_E_NONE, VS_ASIC_E,
         VS_ASIC_NOTE_MIMETYPE_DEFLATED | VS_ASIC_NOTE_NO_DATA},
        {"asic-s-xades/AsicsContainerMimetypeAsLast.asics", VS_E_NONE, VS_ASIC_S,
         VS_ASIC_NOTE_MIMETYPE_NOT_FIRST},
        {"asic-s-xades/AsicsContainerNoMimetype.asics", VS_E_NONE, VS_ASIC_S,
         VS_ASIC_NOTE_NO_MIMETYPE},
        {"asic-s-xades/no-root-signed-file.asics", VS_E_NONE, VS_ASIC_S,
         VS_ASIC_NOTE_MIMETYPE_NOT_FIRST | VS_ASIC_NOTE_S_SUBFOLDER},
        {"asic-s-tst/3xTST-text-data-file.asics", VS_E_NONE, VS_ASIC_S, 0},
        {"asic-cades/tstNoMimeType.asice", VS_E_NONE, VS_ASIC_E, VS_ASIC_NOTE_NO_MIMETYPE},
        {"evidence-record/er-asn1-full-renewal.asice", VS_E_NONE, VS_ASIC_E,
         VS_ASIC_NOTE_NO_MIMETYPE},
        {"attack/asice-path.asice", VS_E_NONE, VS_ASIC_E, VS_ASIC_NOTE_NO_PROOF},
        {"attack/dot.asice", VS_E_ZIP_NAME, 0, 0},
        {"attack/pt-empty.asice", VS_E_ASIC_MANIFEST, 0, 0},
        {"attack/asics-subfolder.asics", VS_E_NOT_ASIC, 0, 0},
        {"attack/MetaInfNotInRoot.asics", VS_E_NOT_ASIC, 0, 0},
        {"attack/1xTST-no-data-file.asics", VS_E_NOT_ASIC, 0, 0},
        {"attack/1xTST-and-XAdES-signature.asics", VS_E_NOT_ASIC, 0, 0},
        {"attack/notABDoc.bdoc", VS_E_NOT_ASIC, 0, 0},
        {"attack/zip-bomb.asice", VS_E_NONE, VS_ASIC_E,
         VS_ASIC_NOTE_MIMETYPE_NOT_FIRST | VS_ASIC_NOTE_ODF_MANIFEST_FILES},
    };
    const char *shared = getenv("VASITE_SHARED");
    if (shared == NULL)
        skip();
    struct vs_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VS_ARENA *arena = vs_arena_new(8 << 20);
        char path[300];
        snprintf(path, sizeof path, "%s/corpus/%s", shared, cases[i].file);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        struct vs_file_source source;
        const struct vs_asic *asic = NULL;
        assert_ok(vs_file_source_init(&source, fileno(file), &err));
        vs_rc rc = vs_asic_open(arena, &source.source, NULL, &asic, &err);
        fclose(file);
        if (rc.code != cases[i].code ||
            (vs_ok(rc) && (asic->kind != cases[i].kind || asic->notes != cases[i].notes)))
            fail_msg("%s: %s, notes %x", path, vs_code_info(rc.code)->name,
                     asic == NULL ? 0 : asic->notes);
    }
}

static int start(void **state)
{
    (void)state;
    struct vs_error err;
    assert_ok(vs_formats_init(&err));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asic__reads_what_it_lays_out_without_a_note),
        cmocka_unit_test(asic__knows_what_an_entry_is_by_its_name),
        cmocka_unit_test(asic__is_accepted_by_unzip_and_python),
        cmocka_unit_test(asic__gives_every_original_a_safe_name),
        cmocka_unit_test(asic__reads_the_record_manifest_that_it_makes),
        cmocka_unit_test(asic__refuses_a_manifest_that_refers_to_a_name_twice),
        cmocka_unit_test(asic__opens_the_containers_of_others),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
