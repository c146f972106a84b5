#include "relay/decay.h"
#include "relay/relay_priv.h"
#include <stdio.h>

struct look {
    struct vs_decay *decay;
    const struct vs_table *table;
    bool ended;
};

static vs_rc pace(struct look *look, struct vs_error *err)
{
    if (look->decay->go_on(look->decay->context))
        return VS_OK;
    look->ended = true;
    return vs_fail(err, VS_E_STOPPING, NULL, "the look at the store was ended");
}

static void found(struct look *look, const char *what, const char *where, const char *text)
{
    look->decay->faults++;
    look->decay->fault(look->decay->context, what, where, text);
}

static vs_rc visit_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    struct look *look = context;
    char key[VS_KEY_TEXT];
    look->decay->rows++;
    if (row->corrupt) {
        vs_values_text(row->values, look->table->n_key, key);
        found(look, look->table->name, key, "the row fails its checksum");
    }
    return pace(look, err);
}

static vs_rc visit_record(void *context, const struct vs_segment_view *view,
                          struct vs_error *err)
{
    struct look *look = context;
    look->decay->records++;
    if (view->corrupt) {
        char where[48];
        snprintf(where, sizeof where, "%016llx/%llu",
                 (unsigned long long)view->location.segment,
                 (unsigned long long)view->location.offset);
        found(look, "segment", where, view->fault == NULL ? "it is damaged" : view->fault);
    }
    return pace(look, err);
}

static vs_rc look_through(struct vs_relay *relay, struct look *look, struct vs_error *err)
{
    const struct vs_schema *schema = vs_store_schema(relay->store);
    for (size_t t = 0; t < schema->n_tables; t++) {
        look->table = &schema->tables[t];
        vs_rc rc = vs_store_each(relay->store, (enum vs_table_id)t, visit_row, look, err);
        if (rc.code == VS_E_CORRUPT)
            found(look, look->table->name, "", err->text);
        else
            VS_TRY(rc);
    }
    return vs_segments_each(relay->segments, visit_record, look, err);
}

vs_rc vs_decay_look(struct vs_relay *relay, struct vs_decay *decay, struct vs_error *err)
{
    struct look look = {.decay = decay};
    vs_rc rc = look_through(relay, &look, err);
    return look.ended ? VS_OK : rc;
}
