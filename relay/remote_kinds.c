/* The kinds of due work that wait for the network: one row each (deliver.h). */
#include "relay/exchange/notify.h"
#include "relay/exchange/push.h"

const struct vs_remote_kind vs_remote_kinds[] = {
    {VS_DUE_PUSH, vs_push_host, vs_push_prepare, vs_push_settle},
    {VS_DUE_NOTIFY, vs_push_host, vs_notify_prepare, vs_notify_settle},
    {VS_DUE_EVENTS, vs_events_host, vs_events_prepare, vs_events_settle},
    {NULL, NULL, NULL, NULL}, /* the end */
};
