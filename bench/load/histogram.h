/*
 * Durations in ns, in buckets whose width is at most 1/32 of their value: percentiles within 3 % from a fixed table,
 * however many samples there are.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_BUCKETS (60 * 32)

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t samples, max;
  double sum;
};

void histogram_add(struct histogram *h, int64_t ns);
/* In µs; 0 when there are no samples. */
double histogram_percentile(const struct histogram *h, double share);
/* {"p50":…,"p90":…,"p99":…,"p999":…,"max":…,"mean":…}, in µs. */
void histogram_json(const struct histogram *h, FILE *out);
#endif
