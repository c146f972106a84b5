#include "formats/trustlist/trust.h"
#include <stdatomic.h>

enum { MAX_ANCHORS = 20000, LIST_BYTES = 256 * 1024 * 1024 };

struct vs_trust {
    atomic_int refs;
    struct vs_arena *arena; /* lists and their services */
    struct vs_anchor *anchors;
    struct vs_certificate **certificates; /* the same, in the same order */
    size_t n, room;
    vs_time_ms lists_until; /* the earliest next_update */
};

struct vs_trust *vs_trust_new(void)
{
    struct vs_trust *trust = vs_heap_new(sizeof *trust);
    trust->lists_until = VS_TIME_NONE;
    atomic_init(&trust->refs, 1);
    trust->arena = vs_arena_new(LIST_BYTES);
    return trust;
}

struct vs_trust *vs_trust_ref(struct vs_trust *trust)
{
    atomic_fetch_add(&trust->refs, 1);
    return trust;
}

void vs_trust_unref(struct vs_trust *trust)
{
    if (trust == NULL || atomic_fetch_sub(&trust->refs, 1) > 1)
        return;
    for (size_t i = 0; i < trust->n; i++)
        vs_certificate_unref(trust->certificates[i]);
    vs_heap_free(trust->certificates);
    vs_heap_free(trust->anchors);
    vs_arena_free(trust->arena);
    vs_heap_free(trust);
}

size_t vs_trust_count(const struct vs_trust *trust)
{
    return trust->n;
}

const struct vs_certificate *const *vs_trust_certificates(const struct vs_trust *trust)
{
    return (const struct vs_certificate *const *)trust->certificates;
}

const struct vs_anchor *vs_trust_anchor(const struct vs_trust *trust, size_t i)
{
    return i < trust->n ? &trust->anchors[i] : NULL;
}

static struct vs_anchor *find(const struct vs_trust *trust,
                              const struct vs_certificate *certificate)
{
    for (size_t i = 0; i < trust->n; i++)
        if (vs_certificate_same(trust->certificates[i], certificate))
            return &trust->anchors[i];
    return NULL;
}

const struct vs_anchor *vs_trust_find(const struct vs_trust *trust,
                                      const struct vs_certificate *certificate)
{
    return find(trust, certificate);
}

/* The anchor for `der`, new or there already. */
static vs_rc anchor_of(struct vs_trust *trust, struct vs_bytes der, struct vs_anchor **ret,
                       struct vs_error *err)
{
    struct vs_certificate *certificate;
    VS_TRY(vs_certificate_get(der, &certificate, err));
    *ret = find(trust, certificate);
    if (*ret != NULL || trust->n == MAX_ANCHORS) {
        vs_certificate_unref(certificate);
        return *ret != NULL ? VS_OK
                            : vs_fail(err, VS_E_LIMIT, NULL, "over %d anchors", MAX_ANCHORS);
    }
    if (trust->n == trust->room) {
        trust->room = trust->room == 0 ? 16 : 2 * trust->room;
        trust->anchors = vs_heap_grow(trust->anchors, trust->room * sizeof *trust->anchors);
        trust->certificates =
            vs_heap_grow(trust->certificates, trust->room * sizeof *trust->certificates);
    }
    trust->anchors[trust->n] = (struct vs_anchor){.certificate = certificate};
    trust->certificates[trust->n] = certificate;
    *ret = &trust->anchors[trust->n++];
    return VS_OK;
}

vs_rc vs_trust_add_pem(struct vs_trust *trust, struct vs_bytes pem, bool accredited,
                       struct vs_error *err)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    struct vs_anchor *anchor;
    size_t found = 0;
    if (pem.len > 0 && pem.ptr[0] == 0x30) {
        VS_TRY(anchor_of(trust, pem, &anchor, err));
        anchor->accredited |= accredited;
        return VS_OK;
    }
    while (pem.len > 0) {
        const uint8_t *from = memmem(pem.ptr, pem.len, begin, sizeof begin - 1);
        if (from == NULL)
            break;
        from += sizeof begin - 1;
        size_t left = pem.len - (size_t)(from - pem.ptr);
        const uint8_t *to = memmem(from, left, end, sizeof end - 1);
        if (to == NULL)
            return vs_fail(err, VS_E_CERTIFICATE, "RFC 7468, 2", "a PEM block without an end");
        struct vs_bytes der;
        VS_TRY(vs_base64_decode(trust->arena, VS_BYTES(from, (size_t)(to - from)), &der, err));
        VS_TRY(anchor_of(trust, der, &anchor, err));
        anchor->accredited |= accredited;
        found++;
        pem = VS_BYTES(to, left - (size_t)(to - from));
    }
    if (found == 0)
        return vs_fail(err, VS_E_CERTIFICATE, "RFC 7468, 5", "no certificate in the PEM");
    return VS_OK;
}

static vs_rc add_service(struct vs_trust *trust, struct vs_anchor *anchor,
                         const struct vs_service *service, struct vs_error *err)
{
    for (size_t i = 0; i < anchor->n_services; i++)
        if (anchor->services[i] == service)
            return VS_OK;
    const struct vs_service **grown =
        vs_arena_make_n(trust->arena, const struct vs_service *, anchor->n_services + 1);
    if (grown == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < anchor->n_services; i++)
        grown[i] = anchor->services[i];
    grown[anchor->n_services++] = service;
    anchor->services = grown;
    return VS_OK;
}

vs_rc vs_trust_add_list(struct vs_trust *trust, struct vs_bytes text, size_t *ret_skipped,
                        struct vs_error *err)
{
    const struct vs_trust_list *list;
    size_t skipped = 0;
    VS_TRY(vs_trust_list_read(trust->arena, text, &list, err));
    for (size_t i = 0; i < list->n_services; i++) {
        const struct vs_service *service = &list->services[i];
        for (size_t k = 0; k < service->n_certificates; k++) {
            struct vs_anchor *anchor;
            vs_rc rc = anchor_of(trust, service->certificates[k], &anchor, err);
            if (rc.code == VS_E_CERTIFICATE || rc.code == VS_E_SYNTAX) {
                skipped++; /* one odd certificate must not cost a whole country's list */
                continue;
            }
            VS_TRY(rc);
            VS_TRY(add_service(trust, anchor, service, err));
        }
    }
    bool sooner = trust->lists_until == VS_TIME_NONE || list->next_update < trust->lists_until;
    if (list->next_update != VS_TIME_NONE && sooner)
        trust->lists_until = list->next_update;
    if (ret_skipped != NULL)
        *ret_skipped = skipped;
    return VS_OK;
}

vs_time_ms vs_trust_lists_until(const struct vs_trust *trust)
{
    return trust->lists_until;
}

bool vs_anchor_trusted_at(const struct vs_anchor *anchor, vs_time_ms at)
{
    bool listed = false;
    for (size_t i = 0; i < anchor->n_services; i++) {
        const struct vs_service_status *status = vs_service_at(anchor->services[i], at);
        if (status != NULL && status->granted)
            return true;
        listed |= status != NULL;
    }
    return !listed;
}

const struct vs_service *vs_anchor_granted(const struct vs_anchor *anchor,
                                           enum vs_service_type type, vs_time_ms at)
{
    for (size_t i = 0; i < anchor->n_services; i++) {
        const struct vs_service_status *status = vs_service_at(anchor->services[i], at);
        if (status != NULL && status->granted && status->type == type)
            return anchor->services[i];
    }
    return NULL;
}
