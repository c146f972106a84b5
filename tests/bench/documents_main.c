/* bench_documents P12 PASSPHRASE-FILE LEVEL SIZE COUNT HOST PLAIN-PORT PACK SEED: signed ASiC-E
 * containers, each with other bytes, from the seed; LEVEL is B-B, B-T or B-LT. Time marks and
 * revocation data come from the service under test over HTTP. */
#include "formats/certificate/certificate.h"
#include "formats/certificate/ocsp.h"
#include "formats/container/asic.h"
#include "formats/crypto/key.h"
#include "formats/formats.h"
#include "formats/signature/xades_make.h"
#include "formats/timestamp/request.h"
#include "tests/bench/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct maker {
    struct vs_pkcs12 p12;
    struct vs_xades_signer *signer;
    struct load tsa, ocsp;
    int level; /* 0 B-B, 1 B-T, 2 B-LT */
    size_t size;
};

static struct vs_error err;

static void must(vs_rc rc, const char *what)
{
    if (vs_ok(rc))
        return;
    fprintf(stderr, "bench: %s: %s\n", what, err.text);
    exit(2);
}

static struct vs_bytes read_file(struct vs_arena *arena, const char *path)
{
    static char buffer[1 << 16];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "bench: cannot read %s\n", path);
        exit(2);
    }
    size_t len = fread(buffer, 1, sizeof buffer, f);
    fclose(f);
    return vs_bytes_copy(arena, VS_BYTES(buffer, len));
}

static struct vs_bytes post(const struct load *to, struct vs_arena *arena, struct vs_bytes body)
{
    struct vs_bytes answer;
    int status = load_one(to, arena, body, &answer);
    if (status != 200) {
        fprintf(stderr, "bench: %s answers %d\n", to->path, status);
        exit(2);
    }
    return answer;
}

static struct vs_bytes ask_mark(struct maker *m, struct vs_arena *arena,
                                const struct vs_digest *imprint)
{
    struct vs_timestamp_request request = {.imprint = *imprint, .cert_req = true};
    struct vs_timestamp_response response;
    VS_BUFFER query;
    vs_buffer_init(&query, 4096);
    vs_timestamp_request_encode(&request, &query);
    struct vs_bytes answer = post(&m->tsa, arena, vs_buffer_view(&query));
    must(vs_timestamp_response_decode(answer, &response, &err), "time mark");
    return response.token;
}

static struct vs_bytes ask_ocsp(struct maker *m, struct vs_arena *arena)
{
    struct vs_certificate *own, *issuer;
    must(vs_certificate_get(m->p12.certificate, &own, &err), "certificate");
    must(vs_certificate_get(m->p12.others[0], &issuer, &err), "issuer");
    VS_BUFFER query;
    vs_buffer_init(&query, 4096);
    vs_ocsp_request_encode(own, issuer, VS_BYTES_NONE, &query);
    struct vs_bytes answer = post(&m->ocsp, arena, vs_buffer_view(&query));
    vs_certificate_unref(own);
    vs_certificate_unref(issuer);
    return answer;
}

static uint64_t seed;

static void fill_text(uint8_t *to, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz      ";
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = (uint8_t)letters[seed >> 59];
    }
}

static void make_signature(struct maker *m, struct vs_arena *arena, struct vs_bytes content,
                           struct vs_buffer *to)
{
    struct vs_xades_object object = {.name = "document.txt", .media_type = "text/plain"};
    struct vs_xades_options options = {.objects = &object, .n_objects = 1};
    struct vs_xades_draft *draft;
    struct vs_signature_value value;
    struct vs_digest imprint;
    options.signing_time = (vs_time_ms)time(NULL) * 1000;
    vs_digest_of(VS_SHA256, content, &object.digest);
    must(vs_xades_prepare(arena, m->signer, &options, &draft, &err), "signature");
    must(vs_key_sign(m->p12.key, vs_xades_signer_algorithm(m->signer),
                     vs_xades_draft_digest(draft), VS_SIGNATURE_RAW, &value, &err),
         "signature value");
    must(vs_xades_set_value(draft, vs_signature_bytes(&value), &err), "signature value");
    if (m->level >= 1) {
        vs_xades_draft_imprint(draft, VS_SHA256, &imprint);
        vs_xades_set_timestamp(draft, ask_mark(m, arena, &imprint));
    }
    struct vs_bytes response = m->level >= 2 ? ask_ocsp(m, arena) : VS_BYTES_NONE;
    struct vs_xades_validation_data data = {.certificates = m->p12.others,
                                            .n_certificates = m->p12.n_others,
                                            .ocsp_responses = &response,
                                            .n_ocsp_responses = 1};
    if (m->level >= 2)
        vs_xades_set_validation_data(draft, &data);
    must(vs_xades_write(draft, to, &err), "signature file");
}

static void make_one(struct maker *m, struct vs_arena *arena, FILE *pack)
{
    uint8_t *content = vs_arena_alloc(arena, m->size);
    VS_BUFFER signature;
    vs_buffer_init(&signature, 1 << 20);
    fill_text(content, m->size);
    make_signature(m, arena, VS_BYTES(content, m->size), &signature);
    struct vs_asic_object object = {
        .part = {.name = "document.txt", .bytes = VS_BYTES(content, m->size)},
        .media_type = "text/plain"};
    struct vs_zip_part proof = {.name = "META-INF/signatures0.xml",
                                .bytes = vs_buffer_view(&signature)};
    struct vs_asic_options options = {
        .kind = VS_ASIC_E, .objects = &object, .n_objects = 1, .proofs = &proof, .n_proofs = 1};
    const struct vs_source *source;
    struct vs_bytes all;
    must(vs_asic_layout(arena, &options, &source, &err), "container");
    must(vs_source_all(source, arena, (size_t)source->size, &all, &err), "container");
    uint8_t length[4];
    vs_put_u32(length, (uint32_t)all.len);
    if (fwrite(length, 1, 4, pack) != 4 || fwrite(all.ptr, 1, all.len, pack) != all.len) {
        perror("bench: cannot write");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc != 10) {
        fprintf(stderr, "bench_documents: see documents_main.c\n");
        return 2;
    }
    struct vs_arena *kept = vs_arena_new(1 << 20);
    struct maker m = {.size = strtoul(argv[4], NULL, 10)};
    m.level = strcmp(argv[3], "B-LT") == 0 ? 2 : strcmp(argv[3], "B-T") == 0;
    m.tsa = (struct load){.host = argv[6],
                          .port = (int)strtol(argv[7], NULL, 10),
                          .method = "POST",
                          .path = "/tsa",
                          .headers = "Content-Type: application/timestamp-query\r\n"};
    m.ocsp = m.tsa;
    m.ocsp.path = "/ocsp";
    m.ocsp.headers = "Content-Type: application/ocsp-request\r\n";
    seed = strtoull(argv[9], NULL, 10);
    must(vs_formats_init(&err), "start");
    struct vs_bytes passphrase = read_file(kept, argv[2]);
    while (passphrase.len > 0 && passphrase.ptr[passphrase.len - 1] == '\n')
        passphrase.len--;
    must(vs_pkcs12_decode(kept, read_file(kept, argv[1]), passphrase, &m.p12, &err), "PKCS#12");
    struct vs_bytes chain[8] = {m.p12.certificate};
    size_t n_chain = 1;
    for (size_t i = 0; i < m.p12.n_others && n_chain < 8; i++)
        chain[n_chain++] = m.p12.others[i];
    must(vs_xades_signer_new(chain, n_chain, vs_key_default_algorithm(m.p12.key), &m.signer,
                             &err),
         "signer");
    FILE *pack = fopen(argv[8], "wb");
    struct vs_arena *arena = vs_arena_new(m.size * 8 + (8 << 20));
    for (long i = strtol(argv[5], NULL, 10); i > 0 && pack != NULL; i--) {
        make_one(&m, arena, pack);
        vs_arena_reset(arena);
    }
    vs_arena_free(arena);
    vs_xades_signer_free(m.signer);
    vs_key_unref(m.p12.key);
    vs_arena_free(kept);
    return pack != NULL && fclose(pack) == 0 ? 0 : 2;
}
