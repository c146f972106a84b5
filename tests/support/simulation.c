#include "tests/support/simulation.h"
#include "formats/container/asic.h"
#include "formats/crypto/der_writer.h"
#include "formats/formats.h"
#include "relay/centre/centre.h"
#include "relay/outgoing.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCRATCH_MAX  ((size_t)256 << 20)
#define TSA_DAYS     730
#define NEVER_IDLE   200000 /* steps of relay without an end */
#define SLOW_MS      4000
#define WRONG_MS     VS_HOUR_MS
#define STEP_LONGEST 40 /* ms that pass while relay takes a step */

static void must(vs_rc rc, const struct vs_error *err, const char *what)
{
    if (vs_ok(rc))
        return;
    fprintf(stderr, "simulation: %s: %s (%s)\n", what, err->text, vs_code_info(rc.code)->name);
    abort();
}

/* -- chance -------------------------------------------------------------------------------- */

/* SplitMix64: every seed is as good as any other. */
uint64_t sim_next(struct sim_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t sim_below(struct sim_random *random, uint64_t n)
{
    return sim_next(random) % n;
}

bool sim_once_in(struct sim_random *random, uint64_t n)
{
    return n > 0 && sim_below(random, n) == 0;
}

/* -ln(u) without libm: u = m * 2^-k; the series of ln on [1, 2) is exact enough for chance. */
int64_t sim_about(struct sim_random *random, int64_t mean)
{
    uint64_t u = sim_next(random) >> 11 | 1;
    unsigned k = 0;
    while (u < (UINT64_C(1) << 52)) {
        u <<= 1;
        k++;
    }
    double x = (double)u / (double)(UINT64_C(1) << 52) - 1, term = x, ln = 0;
    for (int i = 1; i < 40; i++, term *= -x)
        ln += term / i;
    double e = (k + 1) * 0.6931471805599453 - ln;
    int64_t ret = (int64_t)(e * (double)mean);
    return ret < 1 ? 1 : ret;
}

void sim_violation(struct sim *sim, const char *fmt, ...)
{
    if (sim->over)
        return; /* what follows follows from it */
    sim->over = true;
    char when[VS_TIME_TEXT], what[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    vs_time_text(sim->now, when);
    snprintf(sim->violation, sizeof sim->violation, "seed %llu, step %u, %s (%s): %s",
             (unsigned long long)sim->seed, sim->step, when,
             sim->doing == NULL ? "" : sim->doing, what);
}

/* -- the outside authority ----------------------------------------------------------------- */

static void renew_tsa(struct sim *sim)
{
    static const struct vs_name_part name[] = {{VS_NAME_COUNTRY, "AZ"},
                                               {VS_NAME_ORGANIZATION, "Kənar mərkəz"},
                                               {VS_NAME_CN, "Outside TSA"}};
    struct sim_network *net = &sim->network;
    if (net->tsa != NULL && sim->now < net->tsa_until - 30 * VS_DAY_MS)
        return;
    struct vs_certificate_profile profile = {
        .subject = name,
        .n_subject = 3,
        .not_before = sim->now - VS_DAY_MS,
        .not_after = sim->now + TSA_DAYS * VS_DAY_MS,
        .key_usage = VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION,
        .extended_key_usage = VS_EKU_TIME_STAMPING,
        .extended_key_usage_critical = true,
    };
    struct vs_error err;
    vs_tsa_free(net->tsa);
    vs_pki_party_done(&net->tsa_party);
    vs_pki_issue(net->pki, &profile, VS_GENERATE_P256, &net->pki->authority, &net->tsa_party);
    struct vs_bytes chain[] = {net->tsa_party.certificate, net->pki->authority.certificate};
    struct vs_tsa_settings settings = {
        .policy = "1.2.3.4", .accuracy_ms = 1000, .chain = chain, .n_chain = 2};
    must(vs_tsa_new(&settings, &net->tsa, &err), &err, "TSA");
    net->tsa_until = profile.not_after;
}

/* Right most of the time; away for days, now and then for weeks. */
static void choose_manner(struct sim *sim)
{
    static const int64_t mean[SIM_MANNERS] = {
        [SIM_RIGHT] = 25 * VS_DAY_MS, [SIM_AWAY] = 3 * VS_DAY_MS,   [SIM_BROKEN] = VS_DAY_MS,
        [SIM_NONSENSE] = VS_DAY_MS,   [SIM_WRONG_TIME] = VS_DAY_MS, [SIM_SLOW] = 5 * VS_DAY_MS};
    struct sim_network *net = &sim->network;
    while (net->manner_until <= sim->now) {
        net->manner = net->manner == SIM_RIGHT
                          ? (enum sim_manner)sim_below(&sim->fate, SIM_MANNERS)
                          : SIM_RIGHT;
        int64_t factor = sim_once_in(&sim->fate, 10) ? 6 : 1;
        net->manner_until += sim_about(&sim->fate, mean[net->manner] * factor);
    }
}

static vs_rc tsa_answer(struct sim *sim, struct vs_arena *arena,
                        const struct vs_outgoing_request *request,
                        struct vs_outgoing_answer *ret, struct vs_error *err)
{
    struct sim_network *net = &sim->network;
    renew_tsa(sim);
    choose_manner(sim);
    if (net->manner != SIM_RIGHT && net->manner != SIM_SLOW) {
        net->failures++;
        net->last_failure = sim->now;
    }
    if (net->manner == SIM_AWAY)
        return vs_fail(err, VS_E_NETWORK, NULL, "tsa.example: no connection");
    *ret = (struct vs_outgoing_answer){.status = net->manner == SIM_BROKEN ? 500 : 200,
                                       .media_type = "application/timestamp-reply"};
    if (net->manner == SIM_SLOW)
        sim_pass(sim, SLOW_MS);
    uint8_t serial[9] = {1};
    vs_put_u64(serial + 1, ++net->serial);
    struct vs_tsa_moment moment = {.time = sim->now,
                                   .serial = VS_BYTES(serial, sizeof serial),
                                   .signer = &net->tsa_party.signer};
    if (net->manner == SIM_WRONG_TIME)
        moment.time += WRONG_MS;
    VS_BUFFER der;
    vs_buffer_init(&der, 65536);
    enum vs_pki_failure refusal;
    if (net->manner == SIM_NONSENSE)
        vs_buffer_text(&der, "<html>It works!</html>");
    else
        VS_TRY(vs_tsa_answer(net->tsa, request->body, &moment, &der, &refusal, err));
    net->answers++;
    return vs_buffer_copy(&der, arena, &ret->body, err);
}

static vs_rc outgoing(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err)
{
    struct sim_network *net = &((struct sim *)context)->network;
    if (vs_text_equal(request->url, SIM_TSA_URL))
        return tsa_answer(context, arena, request, ret, err);
    if (net->endpoint != NULL)
        return net->endpoint(net->endpoint_context, arena, request, ret, err);
    return vs_fail(err, VS_E_NETWORK, NULL, "there is no such host");
}

/* -- the other seams ----------------------------------------------------------------------- */

static vs_time_ms now_ms(void *context)
{
    return ((struct sim *)context)->now;
}

static int64_t monotonic_ms(void *context)
{
    return ((struct sim *)context)->monotonic;
}

static void random_octets(void *context, uint8_t *to, size_t len)
{
    struct sim *sim = context;
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(sim_next(&sim->octets) >> 40);
}

void sim_pass(struct sim *sim, int64_t ms)
{
    sim->now += ms;
    sim->monotonic += ms;
}

/* -- life ---------------------------------------------------------------------------------- */

static void make_outside(struct sim *sim)
{
    struct sim_network *net = &sim->network;
    static const char *const urls[] = {SIM_TSA_URL};
    net->pki = vs_pki_new();
    net->manner_until = sim->now;
    const char **anchors = vs_arena_make_n(net->pki->arena, const char *, 1);
    anchors[0] = vs_pki_pem(net->pki, sim->folder, "outside-root.pem", "CERTIFICATE",
                            net->pki->root.certificate);
    sim->settings.trust_anchors = anchors;
    sim->settings.n_trust_anchors = 1;
    if (sim->outside_tsa) {
        sim->settings.tsa_urls = urls;
        sim->settings.n_tsa_urls = 1;
    }
}

void sim_init(struct sim *sim, uint64_t seed, vs_time_ms begin)
{
    struct vs_error err;
    *sim = (struct sim){.seed = seed, .now = begin, .monotonic = 1000};
    sim->chance.state = seed * 3;
    sim->octets.state = seed * 3 + 1;
    sim->fate.state = seed * 3 + 2;
    sim->seams = (struct vs_seams){.context = sim,
                                   .now_ms = now_ms,
                                   .monotonic_ms = monotonic_ms,
                                   .random = random_octets,
                                   .outgoing = outgoing};
    must(vs_formats_init(&err), &err, "formats");
    const char *base = getenv("TMPDIR");
    if (base == NULL)
        base =
            access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* nobody waits for a disk */
    snprintf(sim->folder, sizeof sim->folder, "%.60s/vasite-years-XXXXXX", base);
    if (mkdtemp(sim->folder) == NULL)
        abort();
    snprintf(sim->data, sizeof sim->data, "%s/data", sim->folder);
    snprintf(sim->anchor, sizeof sim->anchor, "%s/anchor", sim->folder);
    sim->scratch = vs_arena_new(SCRATCH_MAX);
    sim->settings = vs_relay_settings_default();
    sim->settings.data = sim->data;
    sim->settings.anchor = sim->anchor;
    sim->settings.service_identifier = "voen:9999999999";
    sim->settings.disk_reserve = 0;
    sim->outside_tsa = sim_once_in(&sim->fate, 2);
    make_outside(sim);
}

void sim_open(struct sim *sim)
{
    struct vs_error err;
    VS_ASSERT(sim->relay == NULL);
    sim->restarts++;
    vs_rc rc = vs_relay_open(&sim->settings, &sim->seams, &sim->relay, &err);
    if (!vs_ok(rc)) {
        sim->relay = NULL;
        sim_violation(sim, "it does not start: %s (%s)", err.text, vs_code_info(rc.code)->name);
    }
}

void sim_crash(struct sim *sim)
{
    vs_relay_close(sim->relay);
    sim->relay = NULL;
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

void sim_done(struct sim *sim)
{
    vs_relay_close(sim->relay);
    vs_tsa_free(sim->network.tsa);
    vs_pki_party_done(&sim->network.tsa_party);
    vs_pki_free(sim->network.pki);
    vs_arena_free(sim->scratch);
    if (sim->over && getenv("VASITE_KEEP") != NULL)
        printf("  its data: %s\n", sim->folder);
    else
        nftw(sim->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- steps --------------------------------------------------------------------------------- */

typedef bool relay_step(struct vs_relay *relay, vs_time_ms now);
static relay_step *const steps[] = {vs_relay_work, vs_relay_commit, vs_relay_mark,
                                    vs_relay_clockwork, vs_relay_deliver};
enum { STEPS = sizeof steps / sizeof *steps };

bool sim_drive(struct sim *sim)
{
    unsigned quiet = 0; /* bits of steps that had nothing to do since something happened */
    struct vs_error err;
    for (unsigned n = 0; quiet != (1 << STEPS) - 1 && sim->relay != NULL; n++) {
        unsigned i = (unsigned)sim_below(&sim->fate, STEPS);
        if ((quiet >> i & 1) != 0)
            continue;
        if (sim_once_in(&sim->fate, 4))
            sim_pass(sim, (int64_t)sim_below(&sim->fate, STEP_LONGEST));
        sim->relay_steps++;
        quiet = steps[i](sim->relay, sim->now) ? 0 : quiet | 1U << i;
        if (!vs_ok(vs_relay_broken(sim->relay, &err)))
            sim_violation(sim, "it broke: %s", err.text);
        if (n > NEVER_IDLE)
            sim_violation(sim, "it never comes to rest");
        if (sim->over)
            return true;
        if (sim->may_crash && sim_once_in(&sim->fate, sim->crash_once_in)) {
            sim->crashes++;
            sim_crash(sim);
        }
    }
    return sim->relay != NULL;
}

static void job_done(struct vs_job *job)
{
    job->next = job; /* a mark: it ended */
}

enum sim_result sim_job(struct sim *sim, struct vs_arena *arena,
                        vs_rc (*run)(struct vs_relay *, struct vs_job *, vs_time_ms,
                                     struct vs_error *),
                        void *context, struct vs_error *err)
{
    struct vs_job *job = vs_arena_make(arena, struct vs_job);
    *job = (struct vs_job){.arena = arena, .run = run, .done = job_done, .context = context};
    vs_rc rc = vs_relay_submit_job(sim->relay, job, err);
    if (!vs_ok(rc))
        return SIM_FAILED;
    bool lived = sim_drive(sim);
    if (!lived && job->next == job && job->rc.code == VS_E_STOPPING)
        return SIM_UNKNOWN; /* what a client of a process that died has: no answer */
    if (job->next != job) {
        sim_violation(sim, "a job was never ended");
        return SIM_UNKNOWN;
    }
    *err = job->error;
    return vs_ok(job->rc) ? SIM_DONE : SIM_FAILED;
}

/* -- holders ------------------------------------------------------------------------------- */

/* PKCS#10 (RFC 2986) for the centre; the names in it are wishes that it does not take. */
static struct vs_bytes request_of(struct sim *sim, struct vs_key *key)
{
    struct vs_error err;
    struct vs_digest digest;
    struct vs_signature_value value;
    struct vs_bytes ret;
    VS_BUFFER info, whole;
    vs_buffer_init(&info, 4096);
    vs_buffer_init(&whole, 8192);
    size_t at = vs_der_begin(&info);
    vs_der_put_small(&info, 0);
    vs_der_put(&info, VS_DER_SEQUENCE, VS_BYTES_NONE);
    vs_buffer_add(&info, vs_public_key_spki(vs_key_public(key)));
    vs_der_put(&info, VS_DER_CONTEXT_CONSTRUCTED(0), VS_BYTES_NONE);
    vs_der_end(&info, at, VS_DER_SEQUENCE);
    struct vs_signature_algorithm algorithm = vs_key_default_algorithm(key);
    vs_digest_of(algorithm.digest, vs_buffer_view(&info), &digest);
    must(vs_key_sign(key, algorithm, &digest, VS_SIGNATURE_DER, &value, &err), &err, "sign");
    at = vs_der_begin(&whole);
    vs_buffer_add(&whole, vs_buffer_view(&info));
    vs_buffer_add(&whole, vs_signature_algorithm_der(algorithm));
    vs_der_put_bits(&whole, vs_signature_bytes(&value));
    vs_der_end(&whole, at, VS_DER_SEQUENCE);
    must(vs_buffer_copy(&whole, sim->scratch, &ret, &err), &err, "request");
    return ret;
}

void sim_holder_issue(struct sim *sim, const char *organisation, const char *identifier,
                      int64_t days, struct sim_holder *ret)
{
    struct vs_error err;
    struct vs_issued issued;
    struct vs_bytes chain[3];
    struct vs_centre *centre = vs_relay_centre(sim->relay);
    sim_holder_done(ret);
    *ret = (struct sim_holder){.until = sim->now + days * VS_DAY_MS};
    must(vs_key_generate(VS_GENERATE_P256, &ret->signer.key, &err), &err, "key");
    struct vs_holder holder = {.kind = VS_HOLDER_PERSON,
                               .common_name = "Əli Quliyev",
                               .surname = "Quliyev",
                               .given_name = "Əli",
                               .organisation = organisation,
                               .organisation_identifier = identifier,
                               .person_identifier = "fin:7ABCDEF",
                               .days = days,
                               .request = request_of(sim, ret->signer.key)};
    must(vs_centre_issue(centre, sim->scratch, &holder, "test", sim->now, &issued, &err), &err,
         "issue");
    chain[0] = issued.certificate;
    must(vs_centre_certificate(centre, sim->scratch, "issuing", &chain[1], &err), &err,
         "chain");
    must(vs_centre_certificate(centre, sim->scratch, "root", &chain[2], &err), &err, "chain");
    must(vs_xades_signer_new(chain, 3, vs_key_default_algorithm(ret->signer.key),
                             &ret->signer.xades, &err),
         &err, "signer");
    snprintf(ret->serial, sizeof ret->serial, "%s", issued.serial);
}

void sim_holder_done(struct sim_holder *holder)
{
    if (holder->signer.key != NULL)
        test_signer_done(&holder->signer);
    holder->signer.key = NULL;
}

struct vs_bytes sim_container(struct sim *sim, struct vs_arena *arena,
                              const struct sim_holder *holder, const char *text, bool broken)
{
    struct vs_error err;
    struct vs_bytes content = vs_bytes_text(text), bytes;
    struct vs_xades_object signed_object = {.name = "sənəd.txt", .media_type = "text/plain"};
    vs_digest_of(VS_SHA256, content, &signed_object.digest);
    if (broken)
        signed_object.digest.bytes[3] ^= 1;
    struct vs_xades_options options = {
        .signing_time = sim->now, .objects = &signed_object, .n_objects = 1};
    struct vs_asic_object object = {.part = {.name = "sənəd.txt", .bytes = content},
                                    .media_type = "text/plain"};
    struct vs_zip_part proof = {.name = "META-INF/signatures0.xml"};
    proof.bytes = test_sign(&holder->signer, arena, &options, VS_BYTES_NONE, NULL);
    struct vs_asic_options layout = {
        .kind = VS_ASIC_E, .objects = &object, .n_objects = 1, .proofs = &proof, .n_proofs = 1};
    const struct vs_source *source;
    must(vs_asic_layout(arena, &layout, &source, &err), &err, "layout");
    must(vs_source_all(source, arena, 1 << 20, &bytes, &err), &err, "container");
    return bytes;
}
