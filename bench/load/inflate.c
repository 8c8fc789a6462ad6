#define _GNU_SOURCE
#include "inflate.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<zlib.h>)
#include <zlib.h>

struct inflater {
  z_stream stream;
  bool starts_anew; /* server_no_context_takeover: no message refers to one before */
};

static bool contains(const uint8_t *head, size_t size, const char *text) {
  return memmem(head, size, text, strlen(text)) != NULL;
}

struct inflater *inflater_new(const uint8_t *head, size_t size) {
  if (!contains(head, size, "permessage-deflate")) return NULL;
  struct inflater *inflater = calloc(1, sizeof *inflater);
  inflater->starts_anew = contains(head, size, "server_no_context_takeover");
  if (inflateInit2(&inflater->stream, -MAX_WBITS) != Z_OK) abort();
  return inflater;
}

static bool feed(z_stream *stream, const uint8_t *bytes, size_t size, struct buffer *out) {
  stream->next_in = (uint8_t *)bytes;
  stream->avail_in = (uInt)size;
  do {
    size_t room = size * 4 + 1024;
    stream->next_out = buffer_reserve(out, room);
    stream->avail_out = (uInt)room;
    int code = inflate(stream, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_BUF_ERROR) return false;
    buffer_grow(out, room - stream->avail_out);
  } while (stream->avail_out == 0);
  return stream->avail_in == 0;
}

bool inflater_read(struct inflater *inflater, const uint8_t *bytes, size_t size, struct buffer *out) {
  /* Which the sender has to cut off. */
  static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};
  buffer_clear(out);
  if (!feed(&inflater->stream, bytes, size, out) || !feed(&inflater->stream, tail, sizeof tail, out)) return false;
  if (inflater->starts_anew) inflateReset(&inflater->stream);
  return true;
}

#else
/* Compiled without zlib: the driver does not ask for compression then (bench/load/compile.ts). */

struct inflater *inflater_new(const uint8_t *head, size_t size) {
  (void)head, (void)size;
  return NULL;
}

bool inflater_read(struct inflater *inflater, const uint8_t *bytes, size_t size, struct buffer *out) {
  (void)inflater, (void)bytes, (void)size, (void)out;
  return false;
}
#endif
