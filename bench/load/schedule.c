#include "schedule.h"

#include <stdlib.h>

static struct tick *heap;
static int count, capacity;
static uint64_t state = 1;

void schedule_add(int64_t at, int peer) {
  if (count == capacity) {
    capacity = capacity ? capacity * 2 : 64;
    heap = realloc(heap, (size_t)capacity * sizeof *heap);
    if (!heap) abort();
  }
  int i = count++;
  for (; i > 0 && heap[(i - 1) / 2].at > at; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[i] = (struct tick){at, peer};
}

bool schedule_first(struct tick *tick) {
  if (count == 0) return false;
  *tick = heap[0];
  return true;
}

void schedule_take(struct tick *tick) {
  *tick = heap[0];
  struct tick last = heap[--count];
  int i = 0;
  for (int child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count && heap[child + 1].at < heap[child].at) child++;
    if (heap[child].at >= last.at) break;
    heap[i] = heap[child];
  }
  if (count > 0) heap[i] = last;
}

void random_seed(uint64_t seed) {
  state = seed * 0x9e3779b97f4a7c15ull + 1;
}

int64_t random_below(int64_t limit) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return limit > 0 ? (int64_t)((state * 0x2545f4914f6cdd1dull >> 11) % (uint64_t)limit) : 0;
}
