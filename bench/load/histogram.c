#include "histogram.h"

static unsigned bucket_of(uint64_t ns) {
  if (ns < 64) return (unsigned)ns;
  unsigned exponent = 63 - (unsigned)__builtin_clzll(ns);
  return (exponent - 4) * 32 + (unsigned)((ns >> (exponent - 5)) & 31);
}

static uint64_t middle_of(unsigned bucket) {
  if (bucket < 64) return bucket;
  unsigned exponent = bucket / 32 + 4;
  uint64_t width = 1ull << (exponent - 5);
  return (32 + bucket % 32) * width + width / 2;
}

void histogram_add(struct histogram *h, int64_t ns) {
  uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
  unsigned bucket = bucket_of(value);
  h->counts[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
  h->samples++;
  h->sum += (double)value;
  if (value > h->max) h->max = value;
}

double histogram_percentile(const struct histogram *h, double share) {
  if (h->samples == 0) return 0;
  uint64_t rank = (uint64_t)((double)h->samples * share), seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += h->counts[i];
    if (seen > rank) return (double)middle_of(i) / 1000;
  }
  return (double)h->max / 1000;
}

void histogram_json(const struct histogram *h, FILE *out) {
  fprintf(out, "{\"samples\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"mean\":%.1f}",
          (unsigned long long)h->samples, histogram_percentile(h, 0.5), histogram_percentile(h, 0.9),
          histogram_percentile(h, 0.99), histogram_percentile(h, 0.999), (double)h->max / 1000,
          h->samples ? h->sum / (double)h->samples / 1000 : 0.0);
}
