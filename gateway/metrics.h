/* metrics.h - what requests came to, for /metrics: by route and status, by code, how long.
 *
 * The text format of Prometheus, 0.0.4 (tests/flow/metrics_test.py reads it with the parser of
 * python3-prometheus-client). Names begin with vasite_, counters end in _total, durations are
 * in seconds. A route is its path in gateway/routes.c, never the path called; no metric is
 * labelled with participants or ids (Art. 35). Counting is safe from any thread. */
#ifndef VS_GATEWAY_METRICS_H
#define VS_GATEWAY_METRICS_H
#include "formats/base/histogram.h"
#include "gateway/http/server.h"

struct vs_metrics;

/* `routes` outlive it. */
struct vs_metrics *vs_metrics_new(const struct vs_route *routes, size_t n);
void vs_metrics_free(struct vs_metrics *metrics); /* NULL is fine */

/* A request has ended. `route` NULL: no row; `code` VS_E_NONE: no problem was answered. */
void vs_metrics_request(struct vs_metrics *metrics, const struct vs_route *route, int status,
                        enum vs_code code, uint64_t microseconds);
void vs_metrics_print(const struct vs_metrics *metrics, struct vs_buffer *out);

/* One metric without labels. `name` without the prefix and, of a counter, the suffix. */
void vs_metric_counter(struct vs_buffer *out, const char *name, const char *help,
                       uint64_t value);
void vs_metric_gauge(struct vs_buffer *out, const char *name, const char *help, double value);
/* Several of one name: the head once, then a sample for each label's value. */
void vs_metric_head(struct vs_buffer *out, const char *name, const char *type,
                    const char *help);
void vs_metric_sample(struct vs_buffer *out, const char *name, const char *label,
                      const char *label_value, double value);
/* `unit`: what one of the histogram's numbers is in that of the metric (0.001: ms in seconds).
 */
void vs_metric_histogram(struct vs_buffer *out, const char *name, const char *help,
                         const struct vs_histogram *h, double unit);
#endif
