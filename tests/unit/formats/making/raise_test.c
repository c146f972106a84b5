/* A B-B signature of every form, raised step by step, is judged at each level meant. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/making/raise.h"
#include "tests/support/ades.h"

#define SIGNED  (VS_PKI_EPOCH + VS_DAY_MS)
#define CONTENT VS_BYTES_LITERAL(TEST_CONTENT)

static struct vs_pki *pki;

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    assert_ok(vs_formats_init(&err));
    pki = vs_pki_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_formats_done();
    return 0;
}

/* The time at which the next mark is given and the next answer is asked. */
static vs_time_ms now;

static void give_data(struct vs_raising *raising, const struct vs_raise_need *need)
{
    struct vs_error err;
    struct vs_bytes ocsp[4];
    size_t n = 0;
    const struct vs_pki_party *parties[] = {&pki->person, &pki->organisation, &pki->tsa};
    now += VS_SECOND_MS;
    assert_true(need->n_subjects >= 1);
    for (size_t i = 0; i < need->n_subjects; i++)
        for (size_t k = 0; k < 3; k++)
            if (vs_bytes_equal(need->subjects[i], parties[k]->certificate))
                ocsp[n++] = test_ocsp(pki, parties[k], NULL, now, VS_STATUS_GOOD, 0);
    assert_int_equal(n, need->n_subjects);
    struct vs_bytes certificates[] = {pki->authority.certificate, pki->tsa.certificate};
    struct vs_raise_data data = {.certificates = certificates,
                                 .n_certificates = 2,
                                 .ocsp_responses = ocsp,
                                 .n_ocsp_responses = n};
    assert_ok(vs_raise_data(raising, &data, &err));
}

static struct vs_bytes raise(struct vs_bytes document, enum vs_level level,
                             struct vs_bytes content)
{
    struct vs_error err;
    struct vs_bytes_source source, outside;
    struct vs_content detached = {.name = "content", .source = &outside.source};
    struct vs_raise_options options = {
        .level = level, .contents = &detached, .n_contents = content.ptr != NULL};
    struct vs_raising *raising;
    struct vs_raise_need need;
    const struct vs_source *result;
    struct vs_bytes ret;
    vs_bytes_source_init(&source, document);
    vs_bytes_source_init(&outside, content);
    assert_ok(vs_raise_begin(pki->arena, &source.source, &options, &raising, &err));
    for (;;) {
        assert_ok(vs_raise_need(raising, &need, &err));
        if (need.kind == VS_RAISE_DONE)
            break;
        if (need.kind == VS_RAISE_DATA) {
            give_data(raising, &need);
            continue;
        }
        now += VS_SECOND_MS;
        assert_ok(vs_raise_mark(raising, test_token(pki, NULL, &need.imprint, now), &err));
    }
    assert_ok(vs_raise_result(raising, &result, &err));
    assert_ok(vs_source_all(result, pki->arena, 1 << 24, &ret, &err));
    return ret;
}

static void expect(struct vs_bytes document, struct vs_bytes content, enum vs_level level,
                   vs_time_ms at)
{
    VS_ARENA *arena = vs_arena_new(1 << 25);
    const struct vs_report *r = test_judge(pki, arena, document, content, at);
    assert_true(r->n_signatures > 0);
    for (size_t i = 0; i < r->n_signatures; i++) {
        const struct vs_signature_report *s = &r->signatures[i];
        if (s->verdict.indication != VS_PASSED)
            fail_msg("%s: %s", vs_sub_indication_text(s->verdict.sub),
                     s->errors.n > 0 ? s->errors.items[0].text : "");
        assert_int_equal(s->level, level);
    }
    assert_int_equal(r->verdict.indication, VS_PASSED);
    for (size_t i = 0; i < r->n_timestamps; i++)
        assert_int_equal(r->timestamps[i].verdict.indication, VS_PASSED);
}

static void climb(struct vs_bytes document, struct vs_bytes content)
{
    vs_time_ms late = SIGNED + 9 * 365 * VS_DAY_MS;
    now = SIGNED;
    struct vs_bytes t = raise(document, VS_LEVEL_T, content);
    expect(t, content, VS_LEVEL_T, SIGNED + VS_MINUTE_MS);
    struct vs_bytes lt = raise(t, VS_LEVEL_LT, content);
    expect(lt, content, VS_LEVEL_LT, late);
    struct vs_bytes lta = raise(lt, VS_LEVEL_LTA, content);
    expect(lta, content, VS_LEVEL_LTA, late);
    now += VS_DAY_MS;
    expect(raise(lta, VS_LEVEL_LTA, content), content, VS_LEVEL_LTA, late);
    /* And all at once. */
    now = SIGNED;
    expect(raise(document, VS_LEVEL_LTA, content), content, VS_LEVEL_LTA, late);
}

static void a_container_with_xades_climbs(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    climb(test_document_make(pki, &d), VS_BYTES_NONE);
}

static void a_cms_climbs_with_and_without_its_content(void **state)
{
    (void)state;
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    climb(test_cades(pki, &o, CONTENT), CONTENT);
    o.attached = true;
    climb(test_cades(pki, &o, CONTENT), VS_BYTES_NONE);
}

static void parallel_signatures_climb_together(void **state)
{
    (void)state;
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    struct test_ades p = {
        .level = VS_LEVEL_B, .signed_at = SIGNED, .signer = &pki->organisation};
    p.existing = test_cades(pki, &o, CONTENT);
    climb(test_cades(pki, &p, CONTENT), CONTENT);
}

static void a_pdf_climbs(void **state)
{
    (void)state;
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    climb(test_pades(pki, &o, test_pdf(pki->arena, 2, true)), VS_BYTES_NONE);
    struct test_ades p = {
        .level = VS_LEVEL_B, .signed_at = SIGNED, .signer = &pki->organisation};
    climb(test_pades(pki, &p, test_pades(pki, &o, test_pdf(pki->arena, 1, false))),
          VS_BYTES_NONE);
}

static void a_token_over_something_else_is_refused(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes_source source;
    struct vs_raising *raising;
    struct vs_raise_need need;
    struct vs_raise_options options = {.level = VS_LEVEL_T};
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED, .attached = true};
    vs_bytes_source_init(&source, test_cades(pki, &o, CONTENT));
    assert_ok(vs_raise_begin(pki->arena, &source.source, &options, &raising, &err));
    assert_ok(vs_raise_need(raising, &need, &err));
    assert_int_equal(need.kind, VS_RAISE_MARK);
    need.imprint.bytes[0] ^= 1;
    assert_fails(VS_E_TIMESTAMP,
                 vs_raise_mark(raising, test_token(pki, NULL, &need.imprint, SIGNED), &err));
    need.imprint.bytes[0] ^= 1;
    assert_ok(vs_raise_mark(raising, test_token(pki, NULL, &need.imprint, SIGNED), &err));
}

static void an_archive_mark_wants_the_content(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes_source source;
    struct vs_raising *raising;
    struct vs_raise_need need;
    struct vs_raise_options options = {.level = VS_LEVEL_LTA};
    struct test_ades o = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    vs_bytes_source_init(&source, test_cades(pki, &o, CONTENT));
    assert_ok(vs_raise_begin(pki->arena, &source.source, &options, &raising, &err));
    assert_fails(VS_E_PARAMETER, vs_raise_need(raising, &need, &err));
}

static void what_has_no_signature_is_refused(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_raising *raising;
    struct vs_raise_options options = {.level = VS_LEVEL_T};
    struct vs_bytes others[] = {CONTENT, test_pdf(pki->arena, 1, false),
                                VS_BYTES_LITERAL("<a></a>")};
    for (size_t i = 0; i < 3; i++) {
        struct vs_bytes_source source;
        vs_bytes_source_init(&source, others[i]);
        assert_fails(VS_E_SIGNATURE_FORM,
                     vs_raise_begin(pki->arena, &source.source, &options, &raising, &err));
    }
    options.level = VS_LEVEL_B;
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, CONTENT);
    assert_fails(VS_E_PARAMETER,
                 vs_raise_begin(pki->arena, &source.source, &options, &raising, &err));
}

static void a_signature_at_its_level_stays_as_it_is(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    struct vs_bytes lt = test_document_make(pki, &d);
    assert_bytes_equal(raise(lt, VS_LEVEL_LT, VS_BYTES_NONE), lt);
    assert_bytes_equal(raise(lt, VS_LEVEL_T, VS_BYTES_NONE), lt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_with_xades_climbs),
        cmocka_unit_test(a_cms_climbs_with_and_without_its_content),
        cmocka_unit_test(parallel_signatures_climb_together),
        cmocka_unit_test(a_pdf_climbs),
        cmocka_unit_test(a_token_over_something_else_is_refused),
        cmocka_unit_test(an_archive_mark_wants_the_content),
        cmocka_unit_test(what_has_no_signature_is_refused),
        cmocka_unit_test(a_signature_at_its_level_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, start, end);
}
