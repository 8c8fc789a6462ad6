#include "buffer.h"

#include <stdlib.h>
#include <string.h>

uint8_t *buffer_reserve(struct buffer *b, size_t size) {
  if (b->capacity - b->end >= size) return b->bytes + b->end;
  size_t held = buffer_size(b);
  if (b->start > 0) memmove(b->bytes, b->bytes + b->start, held);
  b->start = 0;
  b->end = held;
  if (b->capacity - held < size) {
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity - held < size) capacity *= 2;
    b->bytes = realloc(b->bytes, capacity);
    if (!b->bytes) abort();
    b->capacity = capacity;
  }
  return b->bytes + b->end;
}

void buffer_append(struct buffer *b, const void *bytes, size_t size) {
  memcpy(buffer_reserve(b, size), bytes, size);
  buffer_grow(b, size);
}

void buffer_consume(struct buffer *b, size_t size) {
  b->start += size;
  if (b->start == b->end) buffer_clear(b);
}

void buffer_free(struct buffer *b) {
  free(b->bytes);
  *b = (struct buffer){0};
}
