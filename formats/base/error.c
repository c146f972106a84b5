#include "formats/base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct vs_code_info codes[VS_CODES] = {
#define VS_CODE(id, text_name, of_class, status, of_clause, ...)                               \
    [VS_E_##id] = VS_CODE_ROW(text_name, VS_CLASS_##of_class, status, of_clause, __VA_ARGS__),
#define VS_CODE_ROW(...)                                                                       \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
#include "formats/base/codes.def"
#undef VS_CODE
};

const struct vs_code_info *vs_code_info(enum vs_code code)
{
    VS_ASSERT((unsigned)code < VS_CODES);
    return &codes[code];
}

enum vs_code vs_code_by_name(const char *name)
{
    for (unsigned i = 0; i < VS_CODES; i++)
        if (strcmp(codes[i].name, name) == 0)
            return (enum vs_code)i;
    return VS_E_NONE;
}

/* An error's text may quote input: keep it to one line without control characters. */
static void flatten(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

/* A cut in the middle of a UTF-8 sequence would make the text invalid. */
static void drop_cut_sequence(char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at > 0 && (unsigned char)text[at - 1] >= 0xc0)
        text[at - 1] = '\0';
}

void vs_fail_text(struct vs_error *err, enum vs_code code, const char *clause, const char *fmt,
                  ...)
{
    VS_ASSERT(code != VS_E_NONE);
    if (err != NULL) {
        /* An argument may be the text of this very error: format aside first. */
        char text[sizeof err->text];
        va_list args;
        va_start(args, fmt);
        int len = vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        if (len >= (int)sizeof text)
            drop_cut_sequence(text, sizeof text - 1);
        flatten(text);
        memcpy(err->text, text, sizeof text);
        err->code = code;
        err->clause = clause != NULL ? clause : codes[code].clause;
    }
}

void vs_bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "vasite: bug at %s:%d: %s\n", file, line, condition);
    abort();
}

#ifdef VASITE_TEST_BUILD
static enum vs_code disabled_code = VS_E_NONE;
bool vs_check_enabled(enum vs_code code)
{
    return code != disabled_code;
}
void vs_check_disable(enum vs_code code)
{
    disabled_code = code;
}
#endif
