#include "formats/base/time.h"
#include <stdio.h>

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar; years begin in March, so
 * that the leap day is the last one. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct vs_civil vs_time_civil(vs_time_ms t)
{
    int64_t days = t / VS_DAY_MS, rest = t % VS_DAY_MS;
    if (rest < 0) {
        rest += VS_DAY_MS;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    return (struct vs_civil){
        .year = (int)(year_of_era + era * 400 + (month >= 10)),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (int)(rest / VS_HOUR_MS),
        .minute = (int)(rest % VS_HOUR_MS / VS_MINUTE_MS),
        .second = (int)(rest % VS_MINUTE_MS / VS_SECOND_MS),
        .ms = (int)(rest % VS_SECOND_MS),
    };
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

vs_time_ms vs_time_from_civil(struct vs_civil c)
{
    bool date = c.year >= 1 && c.year <= 9999 && c.month >= 1 && c.month <= 12 && c.day >= 1 &&
                c.day <= days_of_month(c.year, c.month);
    bool hours = c.hour >= 0 && c.hour < 24 && c.minute >= 0 && c.minute < 60;
    bool seconds = c.second >= 0 && c.second < 60 && c.ms >= 0 && c.ms < 1000;
    if (!date || !hours || !seconds)
        return VS_TIME_NONE;
    return days_from_date(c.year, c.month, c.day) * VS_DAY_MS + c.hour * VS_HOUR_MS +
           c.minute * VS_MINUTE_MS + c.second * VS_SECOND_MS + c.ms;
}

static char *put_digits(char *to, int value, int width, char after)
{
    for (int i = width; i > 0; value /= 10)
        to[--i] = (char)('0' + value % 10);
    to[width] = after;
    return to + width + 1;
}

/* Every event is written several times: not by printf. */
static void put_civil(char *to, const struct vs_civil *c)
{
    to = put_digits(to, c->year, 4, '-');
    to = put_digits(to, c->month, 2, '-');
    to = put_digits(to, c->day, 2, 'T');
    to = put_digits(to, c->hour, 2, ':');
    to = put_digits(to, c->minute, 2, ':');
    to = put_digits(to, c->second, 2, '.');
    *put_digits(to, c->ms, 3, 'Z') = '\0';
}

void vs_time_text(vs_time_ms t, char *out)
{
    struct vs_civil c = vs_time_civil(t);
    char text[96];
    if (c.year >= 0 && c.year <= 9999) {
        put_civil(out, &c);
        return;
    }
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
             c.hour, c.minute, c.second, c.ms);
    memcpy(out, text, VS_TIME_TEXT);
    out[VS_TIME_TEXT - 1] = '\0';
}

/* Exactly `width` digits at *at, then `after` unless it is NUL. */
static bool take_number(struct vs_bytes *at, size_t width, char after, int *ret)
{

    if (at->len < width + (after != '\0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        uint8_t digit = (uint8_t)(at->ptr[i] - '0');
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (after != '\0' && at->ptr[width++] != (uint8_t)after)
        return false;
    *at = VS_BYTES(at->ptr + width, at->len - width);
    *ret = (int)value;
    return true;
}

static bool take_fraction(struct vs_bytes *at, int *ret_ms)
{
    *ret_ms = 0;
    if (at->len == 0 || at->ptr[0] != '.')
        return true;
    size_t i = 1;
    for (int weight = 100; i < at->len && at->ptr[i] >= '0' && at->ptr[i] <= '9'; i++) {
        *ret_ms += (at->ptr[i] - '0') * weight;
        weight /= 10;
    }
    *at = VS_BYTES(at->ptr + i, at->len - i);
    return i > 1;
}

static bool take_zone(struct vs_bytes at, vs_time_ms *ret_offset)
{
    *ret_offset = 0;
    if (at.len == 1 && (at.ptr[0] == 'Z' || at.ptr[0] == 'z'))
        return true;
    if (at.len != 6 || (at.ptr[0] != '+' && at.ptr[0] != '-'))
        return false;
    int hours, minutes;
    struct vs_bytes rest = VS_BYTES(at.ptr + 1, at.len - 1);
    if (!take_number(&rest, 2, ':', &hours) || !take_number(&rest, 2, '\0', &minutes) ||
        hours > 14 || minutes > 59)
        return false;
    *ret_offset = (hours * VS_HOUR_MS + minutes * VS_MINUTE_MS) * (at.ptr[0] == '-' ? -1 : 1);
    return true;
}

bool vs_time_decode(struct vs_bytes text, vs_time_ms *ret)
{
    struct vs_civil c;
    vs_time_ms offset;
    if (!take_number(&text, 4, '-', &c.year) || !take_number(&text, 2, '-', &c.month) ||
        !take_number(&text, 2, 'T', &c.day) || !take_number(&text, 2, ':', &c.hour) ||
        !take_number(&text, 2, ':', &c.minute) || !take_number(&text, 2, '\0', &c.second) ||
        !take_fraction(&text, &c.ms) || !take_zone(text, &offset))
        return false;
    vs_time_ms t = vs_time_from_civil(c);
    if (t == VS_TIME_NONE)
        return false;
    *ret = t - offset;
    return true;
}

vs_time_ms vs_time_add_months(vs_time_ms t, int months)
{
    struct vs_civil c = vs_time_civil(t);
    int month = c.month - 1 + months;
    int years = month >= 0 ? month / 12 : (month - 11) / 12;
    c.year += years;
    c.month = month - years * 12 + 1;
    int last = days_of_month(c.year, c.month);
    if (c.day > last)
        c.day = last;
    return vs_time_from_civil(c);
}
