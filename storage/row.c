#include "storage/backend.h"

uint32_t vs_row_sum(const struct vs_table *table, const struct vs_row *row)
{
    uint8_t head[16];
    vs_put_u64(head, (uint64_t)row->version);
    uint32_t crc = vs_crc32c(0, VS_BYTES(head, 8));
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct vs_value *value = &row->values[i];
        if (value->type == VS_NULL)
            continue;
        head[0] = (uint8_t)i;
        head[1] = (uint8_t)value->type;
        vs_put_u64(head + 2, value->type == VS_INT ? (uint64_t)value->integer
                                                   : (uint64_t)value->bytes.len);
        crc = vs_crc32c(crc, VS_BYTES(head, 10));
        if (value->type != VS_INT && value->bytes.len > 0)
            crc = vs_crc32c(crc, value->bytes);
    }
    return crc;
}

vs_rc vs_fail_row(struct vs_error *err, const struct vs_table *table,
                  const struct vs_value *key, const char *what)
{
    char text[VS_KEY_TEXT];
    vs_values_text(key, table->n_key, text);
    return vs_fail(err, VS_E_CORRUPT, NULL, "row %s of table %s: %s", text, table->name, what);
}

static vs_rc make_room(struct vs_row_list *list, struct vs_error *err)
{
    if (list->n < list->room)
        return VS_OK;
    size_t room = list->room == 0 ? 8 : list->room * 2;
    struct vs_row *rows = vs_arena_make_n(list->arena, struct vs_row, room);
    if (rows == NULL)
        return vs_fail_memory(err);
    if (list->n > 0)
        memcpy(rows, list->rows, list->n * sizeof *rows);
    list->rows = rows;
    list->room = room;
    return VS_OK;
}

vs_rc vs_row_list_add(struct vs_row_list *list, const struct vs_plan *plan, struct vs_row row,
                      uint32_t sum, struct vs_error *err)
{
    row.corrupt = vs_row_sum(plan->table, &row) != sum;
    if (row.corrupt && !plan->query->tolerate)
        return vs_fail_row(err, plan->table, row.values, "its checksum does not fit");
    VS_TRY(make_room(list, err));
    list->rows[list->n++] = row;
    return VS_OK;
}
