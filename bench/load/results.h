/* What one run counted. */
#ifndef RESULTS_H
#define RESULTS_H
#include "histogram.h"
#include "process.h"

struct meters {
  int64_t at, server_cpu, own_cpu;
  uint64_t sent, delivered, messages_in, messages_out, bytes_in, bytes_out, acks, compressed;
};

struct results {
  struct meters now;               /* `at` and CPU are set by results_mark only */
  struct meters begin, joined, from, to; /* before the first dial, when all had joined, and around the measured time */
  struct histogram latency, join, late;
  uint64_t disordered, errors;
  int joined_peers, linked;
  int64_t rss_before, rss_after, rss_peak;
  char first_error[256];
};

extern struct results results;

/* Writes down where the counters stand now. */
void results_mark(struct meters *meters, const struct process_tree *server);
void results_print(void);
#endif
