/* Bytes that grow at the end and are taken from the front. */
#ifndef BUFFER_H
#define BUFFER_H
#include <stddef.h>
#include <stdint.h>

struct buffer {
  uint8_t *bytes;
  size_t start, end, capacity;
};

static inline size_t buffer_size(const struct buffer *b) { return b->end - b->start; }
static inline uint8_t *buffer_front(const struct buffer *b) { return b->bytes + b->start; }
static inline void buffer_clear(struct buffer *b) { b->start = b->end = 0; }

/* Room for `size` more bytes; valid until the next call. The caller fills it and then calls `buffer_grow`. */
uint8_t *buffer_reserve(struct buffer *b, size_t size);
static inline void buffer_grow(struct buffer *b, size_t size) { b->end += size; }
void buffer_append(struct buffer *b, const void *bytes, size_t size);
void buffer_consume(struct buffer *b, size_t size);
void buffer_free(struct buffer *b);
#endif
