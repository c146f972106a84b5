#include "tests/unit/unit.h"
#include "formats/evidence/xml_record.h"
#include "formats/formats.h"
#include "tests/support/documents.h"

#define DATA "data object\n"
#define MADE (VS_PKI_EPOCH + VS_DAY_MS)

static struct vs_pki *pki;

static vs_rc digest(void *context, size_t object, enum vs_digest_algorithm algorithm,
                    struct vs_digest *ret, struct vs_error *err)
{
    (void)object;
    (void)err;
    vs_digest_of(algorithm, vs_bytes_text(context), ret);
    return VS_OK;
}

static vs_rc bytes(void *context, size_t object, struct vs_arena *arena, struct vs_bytes *ret,
                   bool *ret_xml, struct vs_error *err)
{
    (void)object;
    (void)arena;
    (void)err;
    *ret = vs_bytes_text(context);
    *ret_xml = true;
    return VS_OK;
}

/* A record with one time-stamp over `imprint`; `tree` is put before it. */
static struct vs_bytes record_of(const char *tree, const struct vs_digest *imprint)
{
    const char *token = vs_base64_new(pki->arena, test_token(pki, NULL, imprint, MADE));
    return vs_bytes_text(vs_arena_printf(
        pki->arena,
        "<EvidenceRecord xmlns='urn:ietf:params:xml:ns:ers' Version='1.0'>"
        "<ArchiveTimeStampSequence><ArchiveTimeStampChain Order='1'>"
        "<DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#sha256'/>"
        "<CanonicalizationMethod Algorithm='http://www.w3.org/TR/2001/REC-xml-c14n-20010315'/>"
        "<ArchiveTimeStamp Order='1'>%s<TimeStamp><TimeStampToken Type='RFC3161'>%s"
        "</TimeStampToken></TimeStamp></ArchiveTimeStamp></ArchiveTimeStampChain>"
        "</ArchiveTimeStampSequence></EvidenceRecord>",
        tree, token));
}

static enum vs_record_fault check(struct vs_bytes text, const char *data)
{
    struct vs_error err;
    struct vs_xml_record record;
    struct vs_xml_record_objects objects = {(void *)data, 1, digest, bytes};
    VS_ARENA *arena = vs_arena_new(1 << 24);
    assert_ok(vs_xml_record_check(arena, text, &objects, &record, &err));
    assert_int_equal(record.n_tokens, 1);
    return record.fault;
}

static void a_lone_digest_is_the_imprint(void **state)
{
    struct vs_digest d;
    (void)state;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(DATA), &d);
    struct vs_bytes record = record_of("", &d);
    assert_int_equal(check(record, DATA), VS_RECORD_COVERED);
    assert_int_equal(check(record, "other"), VS_RECORD_IMPRINT);
}

static void a_tree_leads_from_the_first_sequence_to_the_imprint(void **state)
{
    struct vs_digest d, sibling, root;
    (void)state;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(DATA), &d);
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("sibling"), &sibling);
    struct vs_bytes parts[2] = {vs_digest_bytes(&d), vs_digest_bytes(&sibling)};
    if (vs_bytes_compare(parts[0], parts[1]) > 0) {
        parts[0] = vs_digest_bytes(&sibling);
        parts[1] = vs_digest_bytes(&d);
    }
    vs_digest_of_parts(VS_SHA256, parts, 2, &root);
    const char *tree = vs_arena_printf(
        pki->arena,
        "<HashTree><Sequence Order='1'><DigestValue>%s</DigestValue></Sequence>"
        "<Sequence Order='2'><DigestValue>%s</DigestValue></Sequence></HashTree>",
        vs_base64_new(pki->arena, vs_digest_bytes(&d)),
        vs_base64_new(pki->arena, vs_digest_bytes(&sibling)));
    assert_int_equal(check(record_of(tree, &root), DATA), VS_RECORD_COVERED);
    assert_int_equal(check(record_of(tree, &root), "other"), VS_RECORD_NOT_FOUND);
    assert_int_equal(check(record_of(tree, &d), DATA), VS_RECORD_IMPRINT);
}

/* RFC 6283, 2.1: an XML object may be covered by its canonical form. */
static void xml_counts_by_its_canonical_form(void **state)
{
    struct vs_digest d;
    (void)state;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("<a b=\"1\"></a>"), &d);
    assert_int_equal(check(record_of("", &d), "<a   b='1'/>"), VS_RECORD_COVERED);
    assert_int_equal(check(record_of("", &d), "<a   b='2'/>"), VS_RECORD_IMPRINT);
}

static void refuses_what_is_no_record(void **state)
{
    struct vs_error err;
    struct vs_xml_record record;
    struct vs_xml_record_objects objects = {(void *)DATA, 1, digest, bytes};
    VS_ARENA *arena = vs_arena_new(1 << 20);
    (void)state;
    assert_fails(VS_E_EVIDENCE_RECORD,
                 vs_xml_record_check(arena, VS_BYTES_LITERAL("<a/>"), &objects, &record, &err));
    assert_fails(VS_E_XML_DTD, vs_xml_record_check(arena, VS_BYTES_LITERAL("<!DOCTYPE a><a/>"),
                                                   &objects, &record, &err));
}

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    if (!vs_ok(vs_formats_init(&err)))
        return -1;
    pki = vs_pki_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_digest_is_the_imprint),
        cmocka_unit_test(a_tree_leads_from_the_first_sequence_to_the_imprint),
        cmocka_unit_test(xml_counts_by_its_canonical_form),
        cmocka_unit_test(refuses_what_is_no_record),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
