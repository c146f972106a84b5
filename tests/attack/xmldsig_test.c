/* Attacks on XML signatures (reliability.md). Each sample carries right digests and a right
 * signature value, so that nothing but the rule refuses it; its twin, without the attack, is
 * accepted; and with the rule's check disabled the sample is accepted too, which proves that
 * the test would notice the rule's loss. */
#include "tests/unit/unit.h"
#include "tests/support/forge.h"
#include "formats/formats.h"

#define ENVELOPED                     FORGE_TRANSFORM(FORGE_DSIG "enveloped-signature")
#define C14N                          FORGE_TRANSFORM(FORGE_C14N)
#define WHOLE                         FORGE_REFERENCE("URI=\"\"", ENVELOPED C14N)
#define SIGNED(references)            FORGE_SIGNATURE(FORGE_SIGNED_INFO(references), "")
#define DOCUMENT(content, references) "<doc>" content SIGNED(references) "</doc>"
#define PAY                           "<pay><to>Aysel</to><amount>100</amount></pay>"

/* XAdES properties in the signature's own object. */
#define PROPERTIES(id, role)                                                                   \
    "<x:SignedProperties Id=\"" id "\"><x:SignedSignatureProperties><x:SigningTime>"           \
    "2026-11-21T20:00:00Z</x:SigningTime><x:SignerRole><x:ClaimedRoles><x:ClaimedRole>" role   \
    "</x:ClaimedRole></x:ClaimedRoles></x:SignerRole></x:SignedSignatureProperties>"           \
    "</x:SignedProperties>"
#define QUALIFYING(target, properties)                                                         \
    "<x:QualifyingProperties xmlns:x=\"" FORGE_XADES "\" Target=\"" target "\">" properties    \
    "</x:QualifyingProperties>"
#define OBJECT(content) "<ds:Object>" content "</ds:Object>"
#define TO_PROPERTIES(id)                                                                      \
    FORGE_REFERENCE("Type=\"http://uri.etsi.org/01903#SignedProperties\" URI=\"#" id "\"", C14N)
#define XADES(references, objects)                                                             \
    "<doc>" PAY FORGE_SIGNATURE(FORGE_SIGNED_INFO(references), objects) "</doc>"
#define OWN OBJECT(QUALIFYING("#S", PROPERTIES("P", "clerk")))

#define XPATH_T(algorithm, path)                                                               \
    "<ds:Transform Algorithm=\"" algorithm "\">" path "</ds:Transform>"
#define XPATH1              "http://www.w3.org/TR/1999/REC-xpath-19991116"
#define XPATH2              "http://www.w3.org/2002/06/xmldsig-filter2"
#define XSLT                "http://www.w3.org/TR/1999/REC-xslt-19991116"
#define BASE64              FORGE_TRANSFORM(FORGE_DSIG "base64")
#define TO_DATA(transforms) FORGE_REFERENCE("URI=\"#data\"", transforms)
#define DATA                "<data Id=\"data\">c2FsYW0=</data>"
#define METHOD(child)                                                                          \
    "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"" FORGE_C14N "\"/>"                 \
    "<ds:SignatureMethod Algorithm=\"" FORGE_ECDSA "\">" child "</ds:SignatureMethod>" WHOLE   \
    "</ds:SignedInfo>"

static const struct attack {
    const char *name, *twin, *sample;
    enum vs_code code;
} attacks[] = {
    {"XSLT", DOCUMENT(PAY, WHOLE),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"\"", ENVELOPED XPATH_T(XSLT, "<t/>"))),
     VS_E_TRANSFORM},
    {"an XPath of its own",
     DOCUMENT(PAY,
              FORGE_REFERENCE("URI=\"\"",
                              XPATH_T(XPATH1, "<ds:XPath>not(ancestor-or-self::ds:Signature)"
                                              "</ds:XPath>") C14N)),
     DOCUMENT(PAY,
              FORGE_REFERENCE("URI=\"\"",
                              XPATH_T(XPATH1, "<ds:XPath>not(ancestor-or-self::ds:Signature or "
                                              "self::amount)</ds:XPath>") C14N)),
     VS_E_TRANSFORM},
    {"an XPath that names another Signature", DOCUMENT(PAY, WHOLE),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"\"",
                                   XPATH_T(XPATH1,
                                           "<ds:XPath xmlns:o=\"urn:o\">not(ancestor-or-self::"
                                           "o:Signature)</ds:XPath>") C14N)),
     VS_E_TRANSFORM},
    {"an XPath filter of its own",
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"\"",
                                   XPATH_T(XPATH2,
                                           "<f:XPath xmlns:f=\"" XPATH2 "\" Filter=\"subtract\""
                                           ">/descendant::ds:Signature</f:XPath>") C14N)),
     DOCUMENT(PAY, FORGE_REFERENCE(
                       "URI=\"\"",
                       XPATH_T(XPATH2, "<f:XPath xmlns:f=\"" XPATH2 "\" Filter=\"intersect\""
                                       ">/descendant::ds:Signature</f:XPath>") C14N)),
     VS_E_TRANSFORM},
    {"an unknown transform", DOCUMENT(PAY, WHOLE),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"\"", ENVELOPED FORGE_TRANSFORM("urn:own"))),
     VS_E_TRANSFORM},
    {"a second canonicalisation", DOCUMENT(PAY, WHOLE),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"\"", ENVELOPED C14N C14N)), VS_E_TRANSFORM},
    {"base64 after canonicalisation", "<doc>" DATA SIGNED(TO_DATA(BASE64)) "</doc>",
     "<doc>" DATA SIGNED(TO_DATA(C14N BASE64)) "</doc>", VS_E_TRANSFORM},
    {"a signature that its target does not hold",
     "<doc Id=\"data\">" PAY SIGNED(TO_DATA(ENVELOPED C14N)) "</doc>",
     "<doc><evil/><hidden Id=\"data\">" PAY
     "</hidden>" SIGNED(TO_DATA(ENVELOPED C14N)) "</doc>",
     VS_E_TRANSFORM},
    {"an XPointer to the document", "<doc>" DATA SIGNED(TO_DATA(C14N)) "</doc>",
     "<doc><data Id=\"xpointer(/)\"/>" SIGNED(
         FORGE_REFERENCE("URI=\"#xpointer(/)\"", C14N)) "</doc>",
     VS_E_REFERENCE},
    {"an XPointer to an Id", "<doc>" DATA SIGNED(TO_DATA(C14N)) "</doc>",
     "<doc><data Id=\"xpointer(id('data'))\"/>" SIGNED(
         FORGE_REFERENCE("URI=\"#xpointer(id('data'))\"", C14N)) "</doc>",
     VS_E_REFERENCE},
    {"a web address", DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a%20b.txt\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"http://127.0.0.1:1/a.txt\"", "")), VS_E_REFERENCE},
    {"a network path", DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a/b.txt\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"//127.0.0.1/a.txt\"", "")), VS_E_REFERENCE},
    {"a file's address", DOCUMENT(PAY, FORGE_REFERENCE("URI=\"etc/passwd\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"file:///etc/passwd\"", "")), VS_E_REFERENCE},
    {"a fragment of a file", DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a.xml\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a.xml#part\"", "")), VS_E_REFERENCE},
    {"a query", DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a.xml\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a.xml?part\"", "")), VS_E_REFERENCE},
    {"an Id that occurs twice", "<doc>" DATA SIGNED(TO_DATA(C14N)) "</doc>",
     "<doc><data Id=\"data\">evil</data>" DATA SIGNED(TO_DATA(C14N)) "</doc>", VS_E_XML_ID},
    {"an Id that occurs in two spellings", "<doc>" DATA SIGNED(TO_DATA(C14N)) "</doc>",
     "<doc><data ID=\"data\">evil</data>" DATA SIGNED(TO_DATA(C14N)) "</doc>", VS_E_XML_ID},
    {"a comment within a signed text", DOCUMENT("<!-- between -->" PAY, WHOLE),
     DOCUMENT("<pay><to>Aysel<!-- -->ov</to></pay>", WHOLE), VS_E_XML},
    {"an instruction within a signed text", DOCUMENT("<?between?>" PAY, WHOLE),
     DOCUMENT("<pay><to>Aysel<?x?>ov</to></pay>", WHOLE), VS_E_XML},
    {"a comment in a DigestValue", DOCUMENT(PAY, WHOLE),
     "<doc>" PAY FORGE_SIGNATURE(
         FORGE_SIGNED_INFO("<ds:Reference URI=\"\"><ds:Transforms>" ENVELOPED C14N
                           "</ds:Transforms><ds:DigestMethod Algorithm=\"" FORGE_SHA256
                           "\"/><ds:DigestValue><!-- -->" FORGE_DIGEST
                           "</ds:DigestValue></ds:Reference>"),
         "") "</doc>",
     VS_E_XML},
    {"a comment in the SignatureValue", DOCUMENT(PAY, WHOLE),
     "<doc>" PAY "<ds:Signature xmlns:ds=\"" FORGE_DSIG
     "\">" FORGE_SIGNED_INFO(WHOLE) "<ds:SignatureValue><!-- -->" FORGE_VALUE
                                    "</ds:SignatureValue></ds:Signature></doc>",
     VS_E_XML},
    {"a comment in the signer's role", XADES(WHOLE TO_PROPERTIES("P"), OWN),
     XADES(WHOLE TO_PROPERTIES("P"),
           OBJECT(QUALIFYING("#S", PROPERTIES("P", "cl<!-- -->erk")))),
     VS_E_XML},
    {"a parameter of the signature method",
     "<doc>" PAY FORGE_SIGNATURE(METHOD(""), "") "</doc>",
     "<doc>" PAY FORGE_SIGNATURE(METHOD("<ds:HMACOutputLength>8</ds:HMACOutputLength>"),
                                 "") "</doc>",
     VS_E_ALGORITHM},
    {"something before SignedInfo", DOCUMENT(PAY, WHOLE),
     "<doc>" PAY "<ds:Signature xmlns:ds=\"" FORGE_DSIG "\"><evil/>" FORGE_SIGNED_INFO(
         WHOLE) "<ds:SignatureValue>" FORGE_VALUE "</ds:SignatureValue></ds:Signature></doc>",
     VS_E_SIGNATURE_FORM},
    {"something among the references", DOCUMENT(PAY, WHOLE), DOCUMENT(PAY, WHOLE "<evil/>"),
     VS_E_SIGNATURE_FORM},
    {"signed properties elsewhere (wrapping)", XADES(WHOLE TO_PROPERTIES("P"), OWN),
     XADES(WHOLE TO_PROPERTIES("Q"), OBJECT(QUALIFYING("#S", PROPERTIES("P", "director")))
                                         OBJECT("<o><x:o xmlns:x=\"" FORGE_XADES
                                                "\">" PROPERTIES("Q", "clerk") "</x:o></o>")),
     VS_E_REFERENCE},
    {"properties that nothing signs", XADES(WHOLE TO_PROPERTIES("P"), OWN), XADES(WHOLE, OWN),
     VS_E_REFERENCE},
    {"properties signed through another type", XADES(WHOLE TO_PROPERTIES("P"), OWN),
     XADES(WHOLE FORGE_REFERENCE("Type=\"urn:other\" URI=\"#P\"", C14N), OWN), VS_E_REFERENCE},
    {"two qualifying properties", XADES(WHOLE TO_PROPERTIES("P"), OWN),
     XADES(WHOLE TO_PROPERTIES("P"), OWN OBJECT(QUALIFYING("#S", ""))), VS_E_SIGNATURE_FORM},
    {"properties of another signature", XADES(WHOLE TO_PROPERTIES("P"), OWN),
     XADES(WHOLE TO_PROPERTIES("P"), OBJECT(QUALIFYING("#T", PROPERTIES("P", "clerk")))),
     VS_E_SIGNATURE_FORM},
    {"a manifest that is none",
     "<doc><ds:Manifest xmlns:ds=\"" FORGE_DSIG "\" Id=\"M\"/>" SIGNED(
         FORGE_REFERENCE("Type=\"" FORGE_DSIG "Manifest\" URI=\"#M\"", C14N)) "</doc>",
     "<doc><Manifest Id=\"M\"/>" SIGNED(
         FORGE_REFERENCE("Type=\"" FORGE_DSIG "Manifest\" URI=\"#M\"", C14N)) "</doc>",
     VS_E_REFERENCE},
    {"one file named twice",
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a\"", "") FORGE_REFERENCE("URI=\"b\"", "")),
     DOCUMENT(PAY, FORGE_REFERENCE("URI=\"a\"", "") FORGE_REFERENCE("URI=\"%61\"", "")),
     VS_E_REFERENCE},
    {"something else among the signatures of a container",
     "<asic:XAdESSignatures xmlns:asic=\"" VS_ASIC_NAMESPACE
     "\">" SIGNED(FORGE_REFERENCE("URI=\"a.txt\"", "")) "</asic:XAdESSignatures>",
     "<asic:XAdESSignatures xmlns:asic=\"" VS_ASIC_NAMESPACE
     "\"><evil/>" SIGNED(FORGE_REFERENCE("URI=\"a.txt\"", "")) "</asic:XAdESSignatures>",
     VS_E_SIGNATURE_FORM},
};

static struct vs_error err;
static struct vs_arena *arena;
static struct test_signer signer;

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(256 << 20);
    assert_ok(vs_formats_init(&err));
    test_signer_init(&signer, arena, VS_GENERATE_P256);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_signer_done(&signer);
    vs_arena_free(arena);
    return 0;
}

static enum forge_outcome judge(struct vs_bytes file, enum vs_code *ret)
{
    return forge_judge(file, vs_key_public(signer.key), ret);
}

static void each_twin__is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        enum vs_code code;
        struct vs_bytes file = forge(arena, &signer, attacks[i].twin, VS_E_NONE);
        if (judge(file, &code) != FORGE_ACCEPTED)
            fail_msg("%s: the twin is not accepted (%s)", attacks[i].name,
                     vs_code_info(code)->name);
    }
}

static void each_sample__is_refused_for_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        enum vs_code code;
        struct vs_bytes file = forge(arena, &signer, attacks[i].sample, attacks[i].code);
        enum forge_outcome outcome = judge(file, &code);
        if (outcome != FORGE_REFUSED || code != attacks[i].code)
            fail_msg("%s: not refused as it should be, but %d (%s)", attacks[i].name, outcome,
                     vs_code_info(code)->name);
    }
}

static void each_sample__is_accepted_without_the_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        enum vs_code code;
        struct vs_bytes file = forge(arena, &signer, attacks[i].sample, attacks[i].code);
        vs_check_disable(attacks[i].code);
        enum forge_outcome outcome = judge(file, &code);
        vs_check_disable(VS_E_NONE);
        if (outcome != FORGE_ACCEPTED)
            fail_msg("%s: something else refuses it, too: %d (%s)", attacks[i].name, outcome,
                     vs_code_info(code)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_twin__is_accepted),
        cmocka_unit_test(each_sample__is_refused_for_its_reason),
        cmocka_unit_test(each_sample__is_accepted_without_the_check),
    };
    return cmocka_run_group_tests(tests, start, end);
}
