/* The kinds of due work: one row each (due.h). */
#include "relay/due.h"

const struct vs_due_kind vs_due_kinds[] = {
    {NULL, 0, NULL}, /* the end */
};
