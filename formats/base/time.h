/* time.h - moments that count in law: milliseconds since 1970-01-01 UTC, leap seconds ignored.
 *
 * Pure arithmetic on the proleptic Gregorian calendar; no time zone database, no clock. */
#ifndef VS_FORMATS_BASE_TIME_H
#define VS_FORMATS_BASE_TIME_H
#include "formats/base/bytes.h"

typedef int64_t vs_time_ms;

#define VS_TIME_NONE INT64_MIN
#define VS_SECOND_MS INT64_C(1000)
#define VS_MINUTE_MS (60 * VS_SECOND_MS)
#define VS_HOUR_MS   (60 * VS_MINUTE_MS)
#define VS_DAY_MS    (24 * VS_HOUR_MS)
#define VS_TIME_TEXT 25 /* bytes for "2026-11-21T20:46:48.123Z" and its NUL */

struct vs_civil {
    int year, month, day, hour, minute, second, ms; /* month and day from 1 */
};
struct vs_civil vs_time_civil(vs_time_ms t);
/* VS_TIME_NONE where the fields are no date of the years 1 to 9999. */
vs_time_ms vs_time_from_civil(struct vs_civil c);

/* RFC 3339 with milliseconds, always UTC. `out` has VS_TIME_TEXT bytes. */
void vs_time_text(vs_time_ms t, char *out);
/* RFC 3339 / xs:dateTime with a zone: "Z" or an offset, any fraction (cut to ms). */
bool vs_time_decode(struct vs_bytes text, vs_time_ms *ret);

/* `months` calendar months later (Art. 31.3): the 31st of a shorter month is its last day. */
vs_time_ms vs_time_add_months(vs_time_ms t, int months);
#endif
