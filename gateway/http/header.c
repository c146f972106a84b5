#include "gateway/http/http_priv.h"
#include <stdlib.h>

/* The weight of RFC 9110, 12.4.2 in thousandths: "q=0.8" is 800; what is not one counts as 0.
 */
static unsigned weight(const char *at, const char *end)
{
    const char *q = memmem(at, (size_t)(end - at), "q=", 2);
    if (q == NULL)
        return 1000;
    q += 2;
    unsigned value = 0, scale = 1000;
    if (q < end && (*q == '0' || *q == '1'))
        value = (unsigned)(*q++ - '0') * 1000;
    if (q < end && *q == '.')
        for (q++; q < end && *q >= '0' && *q <= '9' && scale > 1; q++)
            value += (unsigned)(*q - '0') * (scale /= 10);
    return value > 1000 ? 1000 : value;
}

static bool same_case(const char *a, size_t len, const char *b)
{
    return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

/* Calls `each` for every element of a comma-separated list with its bare value and weight. */
static void each_element(const char *list, void (*each)(const char *, size_t, unsigned, void *),
                         void *context)
{
    for (const char *at = list; *at != '\0';) {
        const char *end = strchrnul(at, ',');
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        const char *stop = at;
        while (stop < end && *stop != ';' && *stop != ' ' && *stop != '\t')
            stop++;
        if (stop > at)
            each(at, (size_t)(stop - at), weight(stop, end), context);
        at = *end == ',' ? end + 1 : end;
    }
}

struct language_choice {
    enum vs_language best;
    unsigned weight;
};

static void weigh_language(const char *tag, size_t len, unsigned q, void *context)
{
    static const char *const names[VS_LANGUAGES] = {
        [VS_LANGUAGE_AZ] = "az", [VS_LANGUAGE_EN] = "en", [VS_LANGUAGE_RU] = "ru"};
    struct language_choice *choice = context;
    const char *dash = memchr(tag, '-', len);
    size_t primary = dash == NULL ? len : (size_t)(dash - tag);
    for (int i = 0; i < VS_LANGUAGES; i++)
        if (q > choice->weight && same_case(tag, primary, names[i]))
            *choice = (struct language_choice){(enum vs_language)i, q};
}

enum vs_language vs_http_language(const char *accept_language)
{
    struct language_choice choice = {VS_LANGUAGE_EN, 0};
    if (accept_language != NULL)
        each_element(accept_language, weigh_language, &choice);
    return choice.best;
}

bool vs_http_list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at != NULL && len > 0;) {
        const char *end = strchrnul(at, ' ');
        if ((size_t)(end - at) == len && memcmp(at, word, len) == 0)
            return true;
        at = *end == ' ' ? end + 1 : NULL;
    }
    return false;
}

struct accept_choice {
    const char *offers, *best;
    size_t best_len;
    unsigned weight;
};

/* "type/subtype", "type/" + star, or star/star. */
static bool range_takes(const char *range, size_t len, const char *offer, size_t offer_len)
{
    if (len == 3 && memcmp(range, "*/*", 3) == 0)
        return true;
    if (len > 2 && range[len - 1] == '*')
        return offer_len >= len && strncasecmp(range, offer, len - 1) == 0;
    return len == offer_len && strncasecmp(range, offer, len) == 0;
}

static void weigh_offers(const char *range, size_t len, unsigned q, void *context)
{
    struct accept_choice *choice = context;
    for (const char *at = choice->offers; *at != '\0';) {
        const char *end = strchrnul(at, ' ');
        if (q > choice->weight && range_takes(range, len, at, (size_t)(end - at))) {
            choice->best = at;
            choice->best_len = (size_t)(end - at);
            choice->weight = q;
        }
        at = *end == ' ' ? end + 1 : end;
    }
}

const char *vs_request_accept(const struct vs_request *request, const char *offers)
{
    struct accept_choice choice = {offers, offers, strcspn(offers, " "), 0};
    const char *accept = vs_request_header(request, "Accept");
    if (accept != NULL)
        each_element(accept, weigh_offers, &choice);
    const char *copy = vs_arena_strndup(request->arena, choice.best, choice.best_len);
    return copy == NULL ? "" : copy;
}
