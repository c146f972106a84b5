#include "tests/unit/unit.h"
#include "formats/crypto/random.h"
#include "formats/timestamp/authority.h"
#include "tests/support/pki.h"
#include <openssl/ts.h>

#define POLICY "0.4.0.2023.1.1"
#define NOW    (VS_PKI_EPOCH + 3600123)

static struct vs_pki *pki;
static struct vs_tsa *tsa;
static struct vs_error err;

static int begin(void **state)
{
    (void)state;
    pki = vs_pki_new();
    struct vs_bytes chain[] = {pki->tsa.certificate, pki->authority.certificate};
    struct vs_tsa_settings settings = {
        .policy = POLICY, .accuracy_ms = 1500, .chain = chain, .n_chain = 2};
    return vs_ok(vs_tsa_new(&settings, &tsa, &err)) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    vs_tsa_free(tsa);
    vs_pki_free(pki);
    return 0;
}

static enum vs_pki_failure ask_at(struct vs_bytes request, vs_time_ms time,
                                  struct vs_buffer *to)
{
    uint8_t serial[16];
    vs_random(serial, sizeof serial);
    struct vs_tsa_moment moment = {
        .time = time, .serial = VS_BYTES(serial, 16), .signer = &pki->tsa.signer};
    enum vs_pki_failure result = VS_PKI_SYSTEM_FAILURE;
    assert_ok(vs_tsa_answer(tsa, request, &moment, to, &result, &err));
    return result;
}

static enum vs_pki_failure ask(struct vs_bytes request, struct vs_buffer *to)
{
    return ask_at(request, NOW, to);
}

/* A request as OpenSSL makes it. */
struct wish {
    const EVP_MD *md;
    const char *policy;
    bool nonce, certificates;
    int digest_len; /* 0: the right one */
};

static struct vs_bytes request(struct wish wish)
{
    TS_REQ *req = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    uint8_t digest[64] = {1, 2, 3};
    X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(wish.md)), V_ASN1_NULL, NULL);
    int len = wish.digest_len > 0 ? wish.digest_len : EVP_MD_get_size(wish.md);
    assert_true(TS_MSG_IMPRINT_set_algo(imprint, algorithm));
    assert_true(TS_MSG_IMPRINT_set_msg(imprint, digest, len));
    assert_true(TS_REQ_set_version(req, 1) && TS_REQ_set_msg_imprint(req, imprint));
    ASN1_INTEGER *nonce = ASN1_INTEGER_new();
    ASN1_INTEGER_set(nonce, 0x1234567);
    ASN1_OBJECT *policy = wish.policy == NULL ? NULL : OBJ_txt2obj(wish.policy, 1);
    assert_true((policy == NULL || TS_REQ_set_policy_id(req, policy)) &&
                (!wish.nonce || TS_REQ_set_nonce(req, nonce)) &&
                TS_REQ_set_cert_req(req, wish.certificates));
    uint8_t *der = NULL;
    int size = i2d_TS_REQ(req, &der);
    struct vs_bytes copy = vs_bytes_copy(pki->arena, VS_BYTES(der, (size_t)size));
    OPENSSL_free(der);
    ASN1_OBJECT_free(policy);
    ASN1_INTEGER_free(nonce);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    TS_REQ_free(req);
    return copy;
}

static int verify(long at, const char *with, const char *over)
{
    return vs_pki_run(pki, "openssl ts -verify -attime %ld -in r -CAfile root.pem %s %s", at,
                      with, over);
}

static void openssl_ts_verifies_what_was_granted(void **state)
{
    (void)state;
    const char *folder = vs_pki_folder(pki);
    vs_pki_pem(pki, folder, "root.pem", "CERTIFICATE", pki->root.certificate);
    vs_pki_pem(pki, folder, "ca.pem", "CERTIFICATE", pki->authority.certificate);
    vs_pki_pem(pki, folder, "tsa.pem", "CERTIFICATE", pki->tsa.certificate);
    vs_pki_file(pki, folder, "data", vs_bytes_text("salam"));
    static const char *const forms[] = {"-sha256 -cert", "-sha512 -cert -no_nonce", "-sha384",
                                        ("-sha3-256 -cert -tspolicy " POLICY)};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(vs_pki_run(pki, "openssl ts -query -data data %s -out q", forms[i]),
                         0);
        uint8_t query[4096];
        FILE *file = fopen(vs_arena_printf(pki->arena, "%s/q", folder), "rb");
        assert_non_null(file);
        size_t len = fread(query, 1, sizeof query, file);
        fclose(file);
        VS_BUFFER response;
        vs_buffer_init(&response, 16384);
        assert_int_equal(ask(VS_BYTES(query, len), &response), VS_PKI_NONE);
        vs_pki_file(pki, folder, "r", vs_buffer_view(&response));
        long at = (long)(NOW / 1000);
        const char *with = "";
        if (strstr(forms[i], "-cert") == NULL) {
            assert_int_equal(vs_pki_run(pki, "cat tsa.pem ca.pem >both.pem"), 0);
            with = "-untrusted both.pem";
        }
        vs_pki_file(pki, folder, "other", vs_bytes_text("salaM"));
        assert_int_equal(verify(at, with, "-queryfile q"), 0);
        assert_int_equal(verify(at, with, "-data data"), 0);
        assert_int_not_equal(verify(at, with, "-data other"), 0);
    }
}

static TS_RESP *decode(const struct vs_buffer *response)
{
    const uint8_t *at = response->ptr;
    TS_RESP *resp = d2i_TS_RESP(NULL, &at, (long)response->len);
    assert_non_null(resp);
    assert_ptr_equal(at, response->ptr + response->len);
    return resp;
}

static void the_token_says_milliseconds_policy_accuracy_and_nonce(void **state)
{
    (void)state;
    VS_BUFFER response;
    vs_buffer_init(&response, 16384);
    struct wish wish = {EVP_sha256(), NULL, true, false, 0};
    assert_int_equal(ask(request(wish), &response), VS_PKI_NONE);
    TS_RESP *resp = decode(&response);
    TS_TST_INFO *info = TS_RESP_get_tst_info(resp);
    assert_string_equal((const char *)ASN1_STRING_get0_data(TS_TST_INFO_get_time(info)),
                        "20260921151320.123Z");
    assert_int_equal(ASN1_INTEGER_get(TS_TST_INFO_get_nonce(info)), 0x1234567);
    TS_ACCURACY *accuracy = TS_TST_INFO_get_accuracy(info);
    assert_int_equal(ASN1_INTEGER_get(TS_ACCURACY_get_seconds(accuracy)), 1);
    assert_int_equal(ASN1_INTEGER_get(TS_ACCURACY_get_millis(accuracy)), 500);
    assert_null(TS_ACCURACY_get_micros(accuracy));
    assert_int_equal(TS_TST_INFO_get_ordering(info), 0);
    char oid[64];
    OBJ_obj2txt(oid, sizeof oid, TS_TST_INFO_get_policy_id(info), 1);
    assert_string_equal(oid, POLICY);
    TS_RESP_free(resp);
}

static void certificates_go_along_only_when_asked_for(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        VS_BUFFER response;
        vs_buffer_init(&response, 16384);
        struct wish wish = {EVP_sha256(), NULL, false, wanted == 1, 0};
        assert_int_equal(ask(request(wish), &response), VS_PKI_NONE);
        TS_RESP *resp = decode(&response);
        STACK_OF(X509) *certificates = TS_RESP_get_token(resp)->d.sign->cert;
        assert_int_equal(certificates == NULL ? 0 : sk_X509_num(certificates), wanted * 2);
        TS_RESP_free(resp);
    }
}

static void what_cannot_be_granted_is_rejected_with_its_reason(void **state)
{
    (void)state;
    struct {
        struct vs_bytes request;
        enum vs_pki_failure want;
    } rows[] = {
        {request((struct wish){EVP_sha1(), NULL, true, true, 0}), VS_PKI_BAD_ALG},
        {request((struct wish){EVP_md5(), NULL, true, true, 0}), VS_PKI_BAD_ALG},
        {request((struct wish){EVP_sha256(), NULL, true, true, 31}), VS_PKI_BAD_DATA_FORMAT},
        {request((struct wish){EVP_sha256(), "1.2.3.4", true, true, 0}),
         VS_PKI_UNACCEPTED_POLICY},
        {vs_bytes_text("GET / HTTP/1.1"), VS_PKI_BAD_DATA_FORMAT},
        {VS_BYTES_NONE, VS_PKI_BAD_DATA_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        VS_BUFFER response;
        vs_buffer_init(&response, 16384);
        assert_int_equal(ask(rows[i].request, &response), rows[i].want);
        TS_RESP *resp = decode(&response);
        TS_STATUS_INFO *status = TS_RESP_get_status_info(resp);
        assert_int_equal(ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)), 2);
        assert_true(ASN1_BIT_STRING_get_bit(TS_STATUS_INFO_get0_failure_info(status),
                                            (int)rows[i].want));
        assert_null(TS_RESP_get_token(resp));
        TS_RESP_free(resp);
    }
}

static void a_clock_that_is_not_trusted_gives_no_token(void **state)
{
    (void)state;
    VS_BUFFER response;
    vs_buffer_init(&response, 16384);
    struct wish wish = {EVP_sha256(), NULL, true, true, 0};
    assert_int_equal(ask_at(request(wish), VS_TIME_NONE, &response), VS_PKI_TIME_NOT_AVAILABLE);
    TS_RESP_free(decode(&response));
}

static void no_cut_or_changed_request_confuses_it(void **state)
{
    (void)state;
    struct vs_bytes whole = request((struct wish){EVP_sha256(), POLICY, true, true, 0});
    for (size_t len = 0; len < whole.len; len++) {
        VS_BUFFER response;
        vs_buffer_init(&response, 16384);
        assert_int_not_equal(ask(VS_BYTES(whole.ptr, len), &response), VS_PKI_NONE);
    }
    uint8_t changed[512];
    for (size_t i = 0; i < whole.len; i++) {
        memcpy(changed, whole.ptr, whole.len);
        changed[i] ^= 0x40;
        VS_BUFFER response;
        vs_buffer_init(&response, 16384);
        (void)ask(VS_BYTES(changed, whole.len), &response);
        TS_RESP_free(decode(&response));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_ts_verifies_what_was_granted),
        cmocka_unit_test(the_token_says_milliseconds_policy_accuracy_and_nonce),
        cmocka_unit_test(certificates_go_along_only_when_asked_for),
        cmocka_unit_test(what_cannot_be_granted_is_rejected_with_its_reason),
        cmocka_unit_test(a_clock_that_is_not_trusted_gives_no_token),
        cmocka_unit_test(no_cut_or_changed_request_confuses_it),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
