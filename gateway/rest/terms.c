#include "gateway/rest/views.h"

static const struct unit {
    const char *name;
    int64_t ms;
} UNITS[] = {
    {"d", VS_DAY_MS}, {"h", VS_HOUR_MS}, {"min", VS_MINUTE_MS}, {"s", VS_SECOND_MS}, {"ms", 1}};
enum { N_UNITS = sizeof UNITS / sizeof UNITS[0] };

static void set_text(int64_t bits, const char *const *names, struct vs_buffer *out)
{
    bool comma = false;
    for (int i = 0; names[i] != NULL; i++)
        if ((bits >> i & 1) != 0) {
            vs_buffer_printf(out, "%s%s", comma ? "," : "", names[i]);
            comma = true;
        }
}

static void duration_text(int64_t ms, struct vs_buffer *out)
{
    size_t i = 0;
    while (i < N_UNITS - 1 && (ms == 0 || ms % UNITS[i].ms != 0))
        i++;
    vs_buffer_printf(out, "%lld %s", (long long)(ms / UNITS[i].ms), UNITS[i].name);
}

void vs_term_text(const struct vs_terms *terms, const struct vs_term_field *field,
                  struct vs_buffer *out)
{
    int64_t value = *(const int64_t *)(const void *)((const char *)terms + field->offset);
    switch (field->kind) {
    case VS_TERM_YES_NO:
        vs_buffer_text(out, value != 0 ? "yes" : "no");
        return;
    case VS_TERM_CHOICE:
        vs_buffer_text(out, field->choices[value]);
        return;
    case VS_TERM_SET:
        set_text(value, field->choices, out);
        return;
    case VS_TERM_DURATION_MS:
        duration_text(value, out);
        return;
    case VS_TERM_MONTHS:
        vs_buffer_printf(out, "%lld", (long long)value);
        return;
    }
}

static bool word_index(struct vs_bytes word, const char *const *names, int64_t *ret)
{
    for (int64_t i = 0; names[i] != NULL; i++)
        if (vs_bytes_is(word, names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static bool parse_set(const char *text, const char *const *names, int64_t *ret)
{
    int64_t bits = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, ",");
        int64_t index;
        if (!word_index(VS_BYTES(at, len), names, &index))
            return false;
        bits |= INT64_C(1) << index;
        at += len + (at[len] == ',');
    }
    *ret = bits;
    return true;
}

static bool parse_duration(const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t value;
    if (!vs_u64_decode(VS_BYTES(text, digits), &value) || value > INT32_MAX)
        return false;
    const char *unit = text + digits + strspn(text + digits, " ");
    for (size_t i = 0; i < N_UNITS; i++)
        if (strcmp(unit, UNITS[i].name) == 0) {
            *ret = (int64_t)value * UNITS[i].ms;
            return true;
        }
    return false;
}

static bool parse(const struct vs_term_field *field, const char *text, int64_t *ret)
{
    uint64_t number;
    switch (field->kind) {
    case VS_TERM_YES_NO:
        *ret = strcmp(text, "yes") == 0;
        return *ret != 0 || strcmp(text, "no") == 0;
    case VS_TERM_CHOICE:
        return word_index(vs_bytes_text(text), field->choices, ret);
    case VS_TERM_SET:
        return parse_set(text, field->choices, ret);
    case VS_TERM_DURATION_MS:
        return parse_duration(text, ret);
    case VS_TERM_MONTHS:
        if (!vs_u64_decode(vs_bytes_text(text), &number) || number > INT32_MAX)
            return false;
        *ret = (int64_t)number;
        return true;
    }
    return false;
}

vs_rc vs_term_parse(struct vs_terms *terms, const char *name, const char *text,
                    struct vs_error *err)
{
    for (size_t i = 0; i < vs_term_fields_n; i++) {
        const struct vs_term_field *field = &vs_term_fields[i];
        if (strcmp(field->name, name) != 0)
            continue;
        int64_t value;
        VS_REFUSE_IF(!parse(field, text, &value) || value < field->least || value > field->most,
                     err, VS_E_PARAMETER, field->clause, "%s: '%.80s' is not taken; %s", name,
                     text, field->help);
        *vs_term_of(terms, field) = value;
        return VS_OK;
    }
    return vs_fail(err, VS_E_PARAMETER, NULL, "there is no term '%.80s'", name);
}
