/* The kinds of due work that wait for the network: one row each (deliver.h). */
#include "relay/deliver.h"

const struct vs_remote_kind vs_remote_kinds[] = {
    {NULL, NULL, NULL, NULL}, /* the end */
};
