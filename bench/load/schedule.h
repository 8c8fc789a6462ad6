/* Whose tick is due next: a heap by time. */
#ifndef SCHEDULE_H
#define SCHEDULE_H
#include <stdbool.h>
#include <stdint.h>

struct tick {
  int64_t at;
  int peer;
};

void schedule_add(int64_t at, int peer);
/* The earliest; false when there is none. */
bool schedule_first(struct tick *tick);
void schedule_take(struct tick *tick);
/* xorshift64*: the same seed makes the same load for each server. */
void random_seed(uint64_t seed);
int64_t random_below(int64_t limit);
#endif
