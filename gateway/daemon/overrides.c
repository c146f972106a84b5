#include "gateway/daemon/daemon_priv.h"
#include "relay/exchange/participants.h"

enum { RESOLVE_MS = 5000, ROW_BYTES = 1 << 20 };

static const unsigned bits[VS_OVERRIDES] = {
    [VS_OVERRIDES_DOCUMENT] = VS_OVERRIDE_DOCUMENT,
    [VS_OVERRIDES_AT_ONCE] = VS_OVERRIDE_AT_ONCE,
    [VS_OVERRIDES_PER_SECOND] = VS_OVERRIDE_PER_SECOND,
    [VS_OVERRIDES_UPLOADS] = VS_OVERRIDE_UPLOADS,
    [VS_OVERRIDES_VOLUME] = VS_OVERRIDE_VOLUME,
};

/* A participant that is not there yet has no calls either. */
static bool resolve(struct daemon *self, const struct vs_setting_override *from,
                    struct vs_server_override *to)
{
    VS_ARENA *arena = vs_arena_new(ROW_BYTES);
    const struct vs_participant *participant = NULL;
    struct vs_error ignored; /* it is tried again */
    if (arena == NULL || !vs_ok(vs_participant_find(self->gateway.relay, arena,
                                                    from->identifier, &participant, &ignored)))
        return false;
    if (participant == NULL)
        return false;
    *to = (struct vs_server_override){.set = 0};
    vs_id_text(participant->id, to->scope);
    for (int i = 0; i < VS_OVERRIDES; i++)
        to->set |= from->set[i] ? bits[i] : 0;
    to->limits.document_bytes = (uint64_t)from->values[VS_OVERRIDES_DOCUMENT];
    to->limits.requests_at_once = (unsigned)from->values[VS_OVERRIDES_AT_ONCE];
    to->limits.requests_per_second = (unsigned)from->values[VS_OVERRIDES_PER_SECOND];
    to->limits.uploads_at_once = (unsigned)from->values[VS_OVERRIDES_UPLOADS];
    to->limits.volume_per_day = (uint64_t)from->values[VS_OVERRIDES_VOLUME];
    return true;
}

void vs_daemon_resolve_overrides(struct daemon *self, bool now)
{
    const struct vs_settings *s = self->current->settings;
    int64_t moment = self->seams.monotonic_ms(self->seams.context);
    if (!now && (s->n_overrides == 0 || moment < self->overrides_at))
        return;
    self->overrides_at = moment + RESOLVE_MS;
    struct vs_server_override *found = vs_heap_array(s->n_overrides + 1, sizeof *found);
    size_t n = 0;
    for (size_t i = 0; i < s->n_overrides; i++)
        n += resolve(self, &s->overrides[i], &found[n]);
    vs_server_override(self->gateway.server, found, n);
    vs_heap_free(found);
}
