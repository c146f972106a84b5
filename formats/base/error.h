/* error.h - bug, failure, verdict: three different things.
 *
 * A bug aborts (VS_ASSERT, in release builds too). A failure is a vs_rc that must be looked at,
 * with a code, the clause that decided and one line of text in the caller's vs_error. A verdict
 * (an invalid signature, a refused delivery) is a successful run with a result of its own.
 *
 * The texts of an error are for people and logs: they never hold content, keys, tokens or names
 * of persons. The table of codes is codes.def. */
#ifndef VS_FORMATS_BASE_ERROR_H
#define VS_FORMATS_BASE_ERROR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VS_NODISCARD         __attribute__((warn_unused_result))
#define VS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Whose matter a failure is; relay decides on retry by it, gateway on the answer. */
enum vs_class {
    VS_CLASS_NONE,
    VS_CLASS_CALLER,    /* the request must change */
    VS_CLASS_REFUSED,   /* the document or exchange is refused: evidence may be issued */
    VS_CLASS_TEMPORARY, /* the same request may succeed later */
    VS_CLASS_OPERATOR,  /* configuration, disk, keys: somebody must act */
    VS_CLASS_INTERNAL,  /* a broken store or a library's failure */
};

enum vs_language { VS_LANGUAGE_AZ, VS_LANGUAGE_EN, VS_LANGUAGE_RU, VS_LANGUAGES };

enum vs_code {
#define VS_CODE(name, ...) VS_E_##name,
#include "formats/base/codes.def"
#undef VS_CODE
    VS_CODES
};

/* One row of codes.def. */
struct vs_code_info {
    const char *name; /* stable: urn:vasite:problem:NAME */
    enum vs_class class;
    int http;                         /* status of a REST answer */
    const char *clause;               /* standard or article, NULL where none decides */
    const char *title[VS_LANGUAGES];  /* what happened */
    const char *remedy[VS_LANGUAGES]; /* what to do next */
};

/* The row of `code`; never NULL. SOAP's fault follows from the class: VS_CLASS_CALLER and
 * VS_CLASS_REFUSED are Client (Sender), all others Server (Receiver). */
const struct vs_code_info *vs_code_info(enum vs_code code);

/* The code named `name` ("not-a-zip"), or VS_E_NONE. */
enum vs_code vs_code_by_name(const char *name);

/* Must-use result. Compare with vs_ok(). */
typedef struct {
    enum vs_code code;
} vs_rc;

#define VS_OK ((vs_rc){VS_E_NONE})
static inline bool vs_ok(vs_rc rc)
{
    return rc.code == VS_E_NONE;
}

struct vs_error {
    enum vs_code code;
    const char *clause; /* static text, may be NULL */
    char text[240];     /* one line, UTF-8, control characters replaced */
};

/* vs_fail(err, code, clause, fmt, ...): fill `err` (may be NULL) and return `code`, which is
 * evaluated twice. `clause` is static text; NULL takes the table's. `fmt` says what is wrong in
 * English; the table says it in three languages. A macro, so that the compiler sees that what
 * follows a failure is not reached. */
#define vs_fail(err, code, clause, ...)                                                        \
    (vs_fail_text((err), (code), (clause), __VA_ARGS__), vs_failed(code))
void vs_fail_text(struct vs_error *err, enum vs_code code, const char *clause, const char *fmt,
                  ...) VS_PRINTF(4, 5);
VS_NODISCARD static inline vs_rc vs_failed(enum vs_code code)
{
    if (code == VS_E_NONE)
        __builtin_unreachable(); /* vs_fail_text has aborted */
    return (vs_rc){code};
}

/* Pass a failure on unchanged. */
#define VS_TRY(call)                                                                           \
    do {                                                                                       \
        vs_rc vs_try_rc_ = (call);                                                             \
        if (!vs_ok(vs_try_rc_))                                                                \
            return vs_try_rc_;                                                                 \
    } while (0)

/* Every check that refuses input passes through here: a test build can disable the checks of
 * one code and so prove that its attack test is alive. */
#define VS_REFUSE_IF(condition, err, code, clause, ...)                                        \
    do {                                                                                       \
        if ((condition) && vs_check_enabled(code))                                             \
            return vs_fail(err, code, clause, __VA_ARGS__);                                    \
    } while (0)

#ifdef VASITE_TEST_BUILD
bool vs_check_enabled(enum vs_code code);
/* Disable the checks of `code` in this process; VS_E_NONE enables all again. */
void vs_check_disable(enum vs_code code);
#else
#define vs_check_enabled(code) true
#endif

/* Broken state: stop before something is signed with it. Never for input. */
#define VS_ASSERT(condition)                                                                   \
    do {                                                                                       \
        if (!(condition))                                                                      \
            vs_bug(__FILE__, __LINE__, #condition);                                            \
    } while (0)
_Noreturn void vs_bug(const char *file, int line, const char *condition);

/* Library objects freed on every return: VS_CLEANUP(BIO) *b = ...; */
#define VS_CLEANUP(type) __attribute__((cleanup(vs_cleanup_##type))) type
#define VS_DEFINE_CLEANUP(type, free_function)                                                 \
    __attribute__((unused)) static inline void vs_cleanup_##type(type **object)                \
    {                                                                                          \
        if (*object != NULL)                                                                   \
            free_function(*object);                                                            \
    }                                                                                          \
    struct vs_cleanup_needs_semicolon_##type
#endif
