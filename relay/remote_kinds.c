/* The kinds of due work that wait for the network: one row each (deliver.h). */
#include "relay/exchange/push.h"

const struct vs_remote_kind vs_remote_kinds[] = {
    {VS_DUE_PUSH, vs_push_host, vs_push_prepare, vs_push_settle},
    {NULL, NULL, NULL, NULL}, /* the end */
};
