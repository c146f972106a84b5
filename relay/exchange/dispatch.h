/* dispatch.h - a delivery sets out: what was agreed is kept with it, and its first move, with
 * the due work that comes with it, is staged. The one place that decides where it goes: to be
 * asked, to the endpoint, into the mailbox. */
#ifndef VS_RELAY_DISPATCH_H
#define VS_RELAY_DISPATCH_H
#include "relay/exchange/agreements.h"
#include "relay/exchange/mailbox.h"
#include "storage/store.h"

struct vs_stage;

/* Into a row of table delivery that is to be inserted: the terms that will matter to it. A
 * later change of the agreement changes nothing of what is under way. Where all is as the law
 * has it, nothing is kept. A recipient that named no endpoint receives in its mailbox here. */
void vs_dispatch_terms(const struct vs_terms *terms, const struct vs_participant *recipient,
                       struct vs_value *row);

/* The delivery of this row (document, recipient, sender, mode, acknowledgement, deadline, as
 * inserted or read) may go: with the submission, or once its sender confirmed a held repetition
 * (27.3.3). */
VS_NODISCARD vs_rc vs_dispatch_stage(struct vs_stage *stage, const struct vs_value *delivery,
                                     struct vs_error *err);
/* It may go on: its recipient agreed to take it (26). */
VS_NODISCARD vs_rc vs_dispatch_on_stage(struct vs_stage *stage, const struct vs_value *delivery,
                                        struct vs_error *err);
#endif
