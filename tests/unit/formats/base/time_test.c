#include "tests/unit/unit.h"
#include <time.h>

static void time__round_trips_and_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -200000; day < 200000; day += 37) {
        vs_time_ms t = day * VS_DAY_MS + 12345678;
        char text[VS_TIME_TEXT], wanted[VS_TIME_TEXT];
        vs_time_text(t, text);
        time_t seconds = (time_t)(day * 86400 + 12345);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S.678Z", &tm), 24);
        assert_string_equal(text, wanted);
        vs_time_ms back;
        assert_true(vs_time_decode(vs_bytes_text(text), &back));
        assert_int_equal(back, t);
    }
}

static void time__decodes_what_rfc_3339_allows_and_refuses_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *wanted; /* NULL: refused */
    } cases[] = {
        {"2026-11-21T20:46:48Z", "2026-11-21T20:46:48.000Z"},
        {"2026-11-21T20:46:48.1239Z", "2026-11-21T20:46:48.123Z"},
        {"2026-11-21T20:46:48+04:00", "2026-11-21T16:46:48.000Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
        {"2023-02-29T00:00:00Z", NULL},
        {"2026-13-01T00:00:00Z", NULL},
        {"2026-11-21T24:00:00Z", NULL},
        {"2026-11-21T20:46:48", NULL},
        {"2026-11-21T20:46:48.Z", NULL},
        {"2026-11-21T20:46:48Z ", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vs_time_ms t;
        bool ok = vs_time_decode(vs_bytes_text(cases[i].text), &t);
        assert_int_equal(ok, cases[i].wanted != NULL);
        char text[VS_TIME_TEXT];
        if (ok) {
            vs_time_text(t, text);
            assert_string_equal(text, cases[i].wanted);
        }
    }
}

/* Art. 31.3: six calendar months. */
static void time__adds_calendar_months(void **state)
{
    (void)state;
    vs_time_ms t, wanted;
    assert_true(vs_time_decode(vs_bytes_text("2025-08-31T10:00:00Z"), &t));
    assert_true(vs_time_decode(vs_bytes_text("2026-02-28T10:00:00Z"), &wanted));
    assert_int_equal(vs_time_add_months(t, 6), wanted);
    assert_int_equal(vs_time_add_months(vs_time_add_months(wanted, -13), 13), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__round_trips_and_agrees_with_the_c_library),
        cmocka_unit_test(time__decodes_what_rfc_3339_allows_and_refuses_the_rest),
        cmocka_unit_test(time__adds_calendar_months),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
