#include "formats/certificate/identity.h"

/* EN 319 412-1, 5.1.3 (PNO: national personal number) and 5.1.4 (VAT). */
static const struct {
    const char *scheme, *prefix;
} schemes[] = {{"voen:", "VATAZ-"}, {"fin:", "PNOAZ-"}};

const char *vs_identity_encode(struct vs_arena *arena, const char *identifier)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (vs_text_starts(identifier, schemes[i].scheme))
            return vs_arena_printf(arena, "%s%s", schemes[i].prefix,
                                   identifier + strlen(schemes[i].scheme));
    return vs_arena_strdup(arena, identifier);
}

const char *vs_identity_decode(struct vs_arena *arena, const char *semantics)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (vs_text_starts(semantics, schemes[i].prefix))
            return vs_arena_printf(arena, "%s%s", schemes[i].scheme,
                                   semantics + strlen(schemes[i].prefix));
    return strchr(semantics, ':') == NULL ? NULL : vs_arena_strdup(arena, semantics);
}

static const char *stated(struct vs_arena *arena, const struct vs_certificate *certificate,
                          enum vs_attribute which)
{
    const char *text = vs_name_attribute(arena, certificate->subject, which);
    return text == NULL ? NULL : vs_identity_decode(arena, text);
}

struct vs_identity vs_identity_of(struct vs_arena *arena,
                                  const struct vs_certificate *certificate)
{
    return (struct vs_identity){
        .organisation = stated(arena, certificate, VS_NAME_ORGANIZATION_IDENTIFIER),
        .person = stated(arena, certificate, VS_NAME_SERIAL_NUMBER),
    };
}

bool vs_identity_has(const struct vs_identity *identity, const char *identifier)
{
    return (identity->organisation != NULL &&
            vs_text_equal(identity->organisation, identifier)) ||
           (identity->person != NULL && vs_text_equal(identity->person, identifier));
}
