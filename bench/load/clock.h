#ifndef CLOCK_H
#define CLOCK_H
#include <stdint.h>
#include <time.h>

#define MS 1000000ll

static inline int64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}
#endif
