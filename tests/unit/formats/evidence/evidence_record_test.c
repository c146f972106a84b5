#include "tests/unit/unit.h"
#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include "formats/evidence/evidence_record.h"
#include "formats/timestamp/authority.h"
#include "tests/support/pki.h"
#include <stdlib.h>

#define NOW (VS_PKI_EPOCH + VS_HOUR_MS)

static struct vs_pki *pki;
static struct vs_tsa *tsa;
static struct vs_error err;

/* A token over `imprint`, as our own authority gives it. */
static struct vs_bytes token_over(const struct vs_digest *imprint, vs_time_ms at)
{
    static uint8_t serial = 1;
    struct vs_timestamp_request request = {.imprint = *imprint, .cert_req = true};
    struct vs_tsa_moment moment = {.time = at, .signer = &pki->tsa.signer};
    struct vs_timestamp_response response;
    enum vs_pki_failure refusal;
    VS_BUFFER asked, answered;
    vs_buffer_init(&asked, 4096);
    vs_buffer_init(&answered, 65536);
    serial++;
    moment.serial = VS_BYTES(&serial, 1);
    vs_timestamp_request_encode(&request, &asked);
    assert_ok(vs_tsa_answer(tsa, vs_buffer_view(&asked), &moment, &answered, &refusal, &err));
    assert_int_equal(refusal, VS_PKI_NONE);
    assert_ok(vs_timestamp_response_decode(vs_buffer_view(&answered), &response, &err));
    return vs_bytes_copy(pki->arena, response.token);
}

static struct vs_digest as_digest(const struct vs_hash *hash)
{
    struct vs_digest digest = {VS_SHA256, 32, {0}};
    memcpy(digest.bytes, hash->bytes, 32);
    return digest;
}

/* Objects are texts "object N"; a record's caller knows them by number. */
static struct vs_bytes object(size_t i)
{
    return vs_bytes_text(vs_arena_printf(pki->arena, "object %zu", i));
}

static struct vs_hash object_hash(size_t i)
{
    struct vs_hash hash;
    vs_sha256(object(i), hash.bytes);
    return hash;
}

static vs_rc digest_object(void *context, size_t i, enum vs_digest_algorithm algorithm,
                           struct vs_digest *ret, struct vs_error *unused)
{
    (void)unused;
    const size_t *numbers = context;
    vs_digest_of(algorithm, object(numbers[i]), ret);
    return VS_OK;
}

static struct vs_record_result result_of(struct vs_bytes der, const size_t *numbers, size_t n)
{
    const struct vs_record *record;
    struct vs_record_result result;
    assert_ok(vs_record_decode(pki->arena, der, &record, &err));
    assert_ok(vs_record_check(record, n, digest_object, (void *)(uintptr_t)numbers, pki->arena,
                              &result, &err));
    return result;
}

/* A batch of `n` single files: group i holds object i. */
static struct vs_record_group *singles(size_t n)
{
    struct vs_record_group *groups = vs_arena_make_n(pki->arena, struct vs_record_group, n);
    struct vs_hash *hashes = vs_arena_make_n(pki->arena, struct vs_hash, n);
    for (size_t i = 0; i < n; i++) {
        hashes[i] = object_hash(i);
        groups[i] = (struct vs_record_group){&hashes[i], 1};
    }
    return groups;
}

static void record__covers_every_file_of_batches_of_many_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 33, 100, 129};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        struct vs_record_group *groups = singles(n);
        struct vs_hash root = vs_record_root(groups, n);
        struct vs_digest imprint = as_digest(&root);
        struct vs_bytes token = token_over(&imprint, NOW);
        for (size_t i = 0; i < n; i++) {
            struct vs_bytes der;
            assert_ok(vs_record_make(pki->arena, groups, n, i, token, &der, &err));
            struct vs_record_result result = result_of(der, &i, 1);
            assert_int_equal(result.fault, VS_RECORD_COVERED);
            assert_int_equal(result.orphans, 0);
            size_t other = i + 1;
            assert_int_equal(result_of(der, &other, 1).fault, VS_RECORD_NOT_FOUND);
        }
    }
}

/* design.md: the first list holds the leaf alone, then one list of one sibling a level, a level
 * without a sibling left out; one and the same token. */
static void record__is_laid_out_as_designed(void **state)
{
    (void)state;
    struct vs_record_group *groups = singles(3);
    struct vs_hash root = vs_record_root(groups, 3);
    struct vs_digest imprint = as_digest(&root);
    struct vs_bytes token = token_over(&imprint, NOW), der;
    static const size_t lists[] = {3, 3, 2};
    for (size_t i = 0; i < 3; i++) {
        const struct vs_record *record;
        assert_ok(vs_record_make(pki->arena, groups, 3, i, token, &der, &err));
        assert_ok(vs_record_decode(pki->arena, der, &record, &err));
        assert_int_equal(record->n_chains, 1);
        assert_int_equal(record->chains[0].n, 1);
        const struct vs_record_stamp *stamp = &record->chains[0].stamps[0];
        assert_int_equal(stamp->algorithm, VS_SHA256);
        assert_int_equal(stamp->n_lists, lists[i]);
        for (size_t j = 0; j < stamp->n_lists; j++)
            assert_int_equal(stamp->lists[j].n, 1);
        assert_memory_equal(stamp->lists[0].values[0].ptr, groups[i].digests, 32);
        assert_bytes_equal(stamp->token, token);
    }
    /* By hand: H(sorted(H(sorted(h0, h1)), h2)). */
    uint8_t pair[64], top[64];
    struct vs_hash h[3] = {object_hash(0), object_hash(1), object_hash(2)}, inner, wanted;
    bool ordered = memcmp(&h[0], &h[1], 32) < 0;
    memcpy(pair, ordered ? &h[0] : &h[1], 32);
    memcpy(pair + 32, ordered ? &h[1] : &h[0], 32);
    vs_sha256(VS_BYTES(pair, 64), inner.bytes);
    ordered = memcmp(&inner, &h[2], 32) < 0;
    memcpy(top, ordered ? &inner : &h[2], 32);
    memcpy(top + 32, ordered ? &h[2] : &inner, 32);
    vs_sha256(VS_BYTES(top, 64), wanted.bytes);
    assert_true(vs_hash_equal(&wanted, &root));
}

/* A consignment: seal, original and evidence stand together; each alone is covered too. */
static void record__covers_the_files_of_a_consignment_together(void **state)
{
    (void)state;
    struct vs_hash files[3] = {object_hash(10), object_hash(11), object_hash(12)};
    struct vs_record_group *groups = singles(5);
    groups[3] = (struct vs_record_group){files, 3};
    groups[2] = (struct vs_record_group){files, 2};
    struct vs_hash root = vs_record_root(groups, 5);
    struct vs_digest imprint = as_digest(&root);
    struct vs_bytes token = token_over(&imprint, NOW), der;
    size_t all[] = {12, 10, 11}, stranger[] = {10, 11, 13};
    for (size_t index = 2; index <= 3; index++) {
        size_t n = index == 3 ? 3 : 2;
        assert_ok(vs_record_make(pki->arena, groups, 5, index, token, &der, &err));
        struct vs_record_result result = result_of(der, index == 3 ? all : all + 1, n);
        assert_int_equal(result.fault, VS_RECORD_COVERED);
        assert_int_equal(result.orphans, 0);
        result = result_of(der, all + 1, 1);
        assert_int_equal(result.fault, VS_RECORD_COVERED);
        assert_int_equal(result.orphans, n - 1);
        assert_int_equal(result_of(der, stranger, 3).fault, VS_RECORD_NOT_FOUND);
    }
}

/* Every hash of the tree and every byte of the imprint counts. */
static void record__no_longer_holds_when_a_hash_is_changed(void **state)
{
    (void)state;
    struct vs_record_group *groups = singles(6);
    struct vs_hash root = vs_record_root(groups, 6);
    struct vs_digest imprint = as_digest(&root);
    struct vs_bytes der, token = token_over(&imprint, NOW);
    size_t number = 4;
    assert_ok(vs_record_make(pki->arena, groups, 6, number, token, &der, &err));
    const struct vs_record *record;
    assert_ok(vs_record_decode(pki->arena, der, &record, &err));
    const struct vs_record_stamp *stamp = &record->chains[0].stamps[0];
    for (size_t i = 0; i < stamp->n_lists; i++) {
        uint8_t *at = (uint8_t *)(uintptr_t)stamp->lists[i].values[0].ptr + 31;
        *at ^= 1;
        assert_int_equal(result_of(der, &number, 1).fault,
                         i == 0 ? VS_RECORD_NOT_FOUND : VS_RECORD_IMPRINT);
        *at ^= 1;
    }
    imprint.bytes[0] ^= 1;
    token = token_over(&imprint, NOW);
    assert_ok(vs_record_make(pki->arena, groups, 6, number, token, &der, &err));
    assert_int_equal(result_of(der, &number, 1).fault, VS_RECORD_IMPRINT);
    struct vs_digest sha512;
    vs_digest_of(VS_SHA512, VS_BYTES_LITERAL("x"), &sha512);
    token = token_over(&sha512, NOW);
    assert_ok(vs_record_make(pki->arena, groups, 6, number, token, &der, &err));
    assert_int_equal(result_of(der, &number, 1).fault, VS_RECORD_ALGORITHM);
}

/* -- renewal: records written here by hand, as a later maker will ------------------------- */

static void put_stamp(struct vs_buffer *to, enum vs_digest_algorithm algorithm,
                      const struct vs_digest *leaf, struct vs_bytes token)
{
    size_t stamp = vs_der_begin(to);
    struct vs_der reader = vs_der_reader(vs_digest_der(algorithm));
    vs_der_put(to, VS_DER_CONTEXT_CONSTRUCTED(0), vs_der_take(&reader, VS_DER_SEQUENCE));
    if (leaf != NULL) {
        size_t tree = vs_der_begin(to), list = vs_der_begin(to);
        vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(leaf));
        vs_der_end(to, list, VS_DER_SEQUENCE);
        vs_der_end(to, tree, VS_DER_CONTEXT_CONSTRUCTED(2));
    }
    vs_buffer_add(to, token);
    vs_der_end(to, stamp, VS_DER_SEQUENCE);
}

static void put_head(struct vs_buffer *to)
{
    vs_der_put_small(to, 1);
    vs_der_put(to, VS_DER_SEQUENCE, vs_digest_der(VS_SHA256));
}

/* Two stamps in the first chain, one in a second of SHA-512; `when` are their times. */
static struct vs_bytes renewed(const vs_time_ms when[3], bool wrong_sequence)
{
    VS_BUFFER chains, to;
    vs_buffer_init(&chains, 1 << 20);
    vs_buffer_init(&to, 1 << 20);
    struct vs_digest first, second, own, earlier, third;
    vs_digest_of(VS_SHA256, object(1), &first);
    struct vs_bytes token1 = token_over(&first, when[0]);
    vs_digest_of(VS_SHA256, token1, &second);
    struct vs_bytes token2 = token_over(&second, when[1]);
    size_t chain = vs_der_begin(&chains);
    put_stamp(&chains, VS_SHA256, NULL, token1);
    put_stamp(&chains, VS_SHA256, &second, token2);
    vs_der_end(&chains, chain, VS_DER_SEQUENCE);

    size_t whole = vs_der_begin(&to);
    vs_buffer_add(&to, vs_buffer_view(&chains));
    vs_der_end(&to, whole, VS_DER_SEQUENCE);
    vs_digest_of(VS_SHA512, wrong_sequence ? vs_buffer_view(&chains) : vs_buffer_view(&to),
                 &earlier);
    vs_digest_of(VS_SHA512, object(1), &own);
    struct vs_bytes parts[] = {vs_digest_bytes(&own), vs_digest_bytes(&earlier)};
    vs_digest_of_parts(VS_SHA512, parts, 2, &third);
    chain = vs_der_begin(&chains);
    put_stamp(&chains, VS_SHA512, &third, token_over(&third, when[2]));
    vs_der_end(&chains, chain, VS_DER_SEQUENCE);

    vs_buffer_clear(&to);
    size_t record = vs_der_begin(&to);
    put_head(&to);
    vs_der_put(&to, VS_DER_SEQUENCE, vs_buffer_view(&chains));
    vs_der_end(&to, record, VS_DER_SEQUENCE);
    struct vs_bytes copy;
    assert_ok(vs_buffer_copy(&to, pki->arena, &copy, &err));
    return copy;
}

static void record__follows_renewed_time_marks_and_hash_trees(void **state)
{
    (void)state;
    static const vs_time_ms good[] = {NOW, NOW + 1000, NOW + 2000};
    static const vs_time_ms back[] = {NOW, NOW + 1000, NOW + 999};
    size_t number = 1, other = 2;
    struct vs_record_result result = result_of(renewed(good, false), &number, 1);
    assert_int_equal(result.fault, VS_RECORD_COVERED);
    assert_int_equal(result.chain, 1);
    result = result_of(renewed(good, false), &other, 1);
    assert_int_equal(result.fault, VS_RECORD_IMPRINT);
    assert_int_equal(result.chain, 0);
    result = result_of(renewed(good, true), &number, 1);
    assert_int_equal(result.fault, VS_RECORD_NOT_FOUND);
    assert_int_equal(result.chain, 1);
    assert_int_equal(result_of(renewed(back, false), &number, 1).fault, VS_RECORD_TIME_ORDER);
}

static void record__refuses_what_is_no_record(void **state)
{
    (void)state;
    struct vs_record_group *groups = singles(2);
    struct vs_hash root = vs_record_root(groups, 2);
    struct vs_digest imprint = as_digest(&root);
    struct vs_bytes der, token = token_over(&imprint, NOW);
    const struct vs_record *record;
    assert_ok(vs_record_make(pki->arena, groups, 2, 0, token, &der, &err));
    for (size_t len = 0; len < der.len; len++)
        assert_false(
            vs_ok(vs_record_decode(pki->arena, VS_BYTES(der.ptr, len), &record, &err)));
    uint8_t *longer = vs_arena_alloc(pki->arena, der.len + 1);
    memcpy(longer, der.ptr, der.len);
    assert_fails(VS_E_EVIDENCE_RECORD,
                 vs_record_decode(pki->arena, VS_BYTES(longer, der.len + 1), &record, &err));
    longer[6] = 2; /* SEQUENCE (4 bytes), INTEGER, its length, version 2 */
    assert_int_equal(longer[4], 2);
    assert_fails(VS_E_EVIDENCE_RECORD,
                 vs_record_decode(pki->arena, VS_BYTES(longer, der.len), &record, &err));
}

/* -- records of others -------------------------------------------------------------------- */

struct files {
    const char *names[2];
};

static struct vs_bytes corpus_file(const char *name)
{
    static char path[300];
    static uint8_t content[1 << 20];
    snprintf(path, sizeof path, "%s/corpus/%s", getenv("VASITE_SHARED"), name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof content, file);
    fclose(file);
    return vs_bytes_copy(pki->arena, VS_BYTES(content, len));
}

static vs_rc digest_file(void *context, size_t i, enum vs_digest_algorithm algorithm,
                         struct vs_digest *ret, struct vs_error *unused)
{
    (void)unused;
    const struct files *files = context;
    vs_digest_of(algorithm, corpus_file(files->names[i]), ret);
    return VS_OK;
}

static void record__agrees_with_the_records_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        struct files files;
        bool covered;
    } cases[] = {
        {"evidence-record/er-asn1-simple.ers", {{"evidence-record/data/1.txt"}}, true},
        {"evidence-record/er-asn1-simple.ers", {{"evidence-record/data/123456.txt"}}, false},
        {"evidence-record/1_0_Initial.er", {{"evidence-record/data/123456.txt"}}, true},
        {"evidence-record/1_0_Initial.er", {{"evidence-record/data/1.txt"}}, false},
        {"evidence-record/ER-2Chains3ATS.ers",
         {{"evidence-record/data/DO-01.bin", "evidence-record/data/DO-02.bin"}},
         true},
        {"evidence-record/ER-2Chains3ATS.ers",
         {{"evidence-record/data/DO-01.bin", "evidence-record/data/BIN-1.bin"}},
         false},
        {"evidence-record/er-asn1-on-tst.ers", {{"rfc3161/d-trust.tsr"}}, true},
    };
    if (getenv("VASITE_SHARED") == NULL)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct vs_record *record;
        struct vs_record_result result;
        size_t n = cases[i].files.names[1] != NULL ? 2 : 1;
        assert_ok(vs_record_decode(pki->arena, corpus_file(cases[i].record), &record, &err));
        assert_ok(vs_record_check(record, n, digest_file, (void *)(uintptr_t)&cases[i].files,
                                  pki->arena, &result, &err));
        if ((result.fault == VS_RECORD_COVERED) != cases[i].covered)
            fail_msg("%s: %s", cases[i].record, vs_record_fault_text(result.fault));
    }
}

static int begin(void **state)
{
    (void)state;
    pki = vs_pki_new();
    struct vs_tsa_settings settings = {
        .policy = "1.2.3", .chain = &pki->tsa.certificate, .n_chain = 1};
    return vs_ok(vs_tsa_new(&settings, &tsa, &err)) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    vs_tsa_free(tsa);
    vs_pki_free(pki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record__covers_every_file_of_batches_of_many_sizes),
        cmocka_unit_test(record__is_laid_out_as_designed),
        cmocka_unit_test(record__covers_the_files_of_a_consignment_together),
        cmocka_unit_test(record__no_longer_holds_when_a_hash_is_changed),
        cmocka_unit_test(record__follows_renewed_time_marks_and_hash_trees),
        cmocka_unit_test(record__refuses_what_is_no_record),
        cmocka_unit_test(record__agrees_with_the_records_of_others),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
