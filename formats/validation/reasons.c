#include "formats/validation/reasons.h"
#include <stdarg.h>
#include <stdio.h>

/* Room doubles at powers of two, so that no capacity need be kept. */
static struct vs_reason *next_slot(struct vs_arena *arena, struct vs_reasons *list)
{
    if ((list->n & (list->n - 1)) == 0) {
        size_t room = list->n == 0 ? 1 : 2 * list->n;
        struct vs_reason *grown = vs_arena_make_n(arena, struct vs_reason, room);
        if (grown == NULL)
            return NULL;
        for (size_t i = 0; i < list->n; i++)
            grown[i] = list->items[i];
        list->items = grown;
    }
    return &list->items[list->n];
}

void vs_reason_add(struct vs_arena *arena, struct vs_reasons *list, const char *clause,
                   const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct vs_reason *slot = next_slot(arena, list);
    char *copy = len < 0 ? NULL : vs_arena_strdup(arena, text);
    if (slot == NULL || copy == NULL)
        return;
    *slot = (struct vs_reason){.clause = clause, .text = copy};
    list->n++;
}

void vs_reason_add_error(struct vs_arena *arena, struct vs_reasons *list,
                         const struct vs_error *err)
{
    const char *clause = err->clause != NULL ? err->clause : vs_code_info(err->code)->clause;
    vs_reason_add(arena, list, clause, "%s", err->text);
}

void vs_verdict_worsen(struct vs_verdict *verdict, enum vs_indication indication,
                       enum vs_sub_indication sub)
{
    if (indication > verdict->indication)
        *verdict = (struct vs_verdict){indication, sub};
}
