#define _GNU_SOURCE
#include "websocket.h"

#include <stdio.h>
#include <string.h>

/* Any mask is as good here, but not zero: servers skip the unmasking of a zero mask, which no browser ever sends. */
static const uint8_t MASK[8] = {0x37, 0xfa, 0x21, 0x3d, 0x37, 0xfa, 0x21, 0x3d};

void ws_write_upgrade(struct buffer *out, const char *host, int port, const char *path, const char *protocols,
                      const char *extensions) {
  char head[8192];
  int size = snprintf(head, sizeof head,
                      "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
                      path, host, port);
  if (strcmp(protocols, "-") != 0)
    size += snprintf(head + size, sizeof head - (size_t)size, "Sec-WebSocket-Protocol: %s\r\n", protocols);
  if (extensions) size += snprintf(head + size, sizeof head - (size_t)size, "Sec-WebSocket-Extensions: %s\r\n", extensions);
  buffer_append(out, head, (size_t)size);
  buffer_append(out, "\r\n", 2);
}

int ws_read_upgrade(const struct buffer *in) {
  const uint8_t *end = memmem(buffer_front(in), buffer_size(in), "\r\n\r\n", 4);
  if (!end) return 0;
  if (memcmp(buffer_front(in), "HTTP/1.1 101", 12) != 0) return -1;
  return (int)(end + 4 - buffer_front(in));
}

static void mask_into(uint8_t *to, const uint8_t *from, size_t size) {
  uint64_t mask, word;
  memcpy(&mask, MASK, 8);
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    memcpy(&word, from + i, 8);
    word ^= mask;
    memcpy(to + i, &word, 8);
  }
  for (; i < size; i++) to[i] = from[i] ^ MASK[i & 7];
}

void ws_write(struct buffer *out, enum opcode opcode, const uint8_t *payload, size_t size) {
  uint8_t *at = buffer_reserve(out, size + 14), *begin = at;
  *at++ = (uint8_t)(0x80 | opcode);
  if (size < 126) {
    *at++ = (uint8_t)(0x80 | size);
  } else if (size < 65536) {
    *at++ = 0x80 | 126;
    *at++ = (uint8_t)(size >> 8);
    *at++ = (uint8_t)size;
  } else {
    *at++ = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)((uint64_t)size >> shift);
  }
  memcpy(at, MASK, 4);
  mask_into(at + 4, payload, size);
  buffer_grow(out, (size_t)(at + 4 - begin) + size);
}

bool ws_read(struct buffer *in, struct ws_frame *frame) {
  const uint8_t *at = buffer_front(in);
  size_t held = buffer_size(in), head = 2;
  if (held < 2) return false;
  uint64_t size = at[1] & 0x7f;
  if (size >= 126) {
    size_t digits = size == 126 ? 2 : 8;
    head += digits;
    if (held < head) return false;
    size = 0;
    for (size_t i = 0; i < digits; i++) size = size << 8 | at[2 + i];
  }
  if (held - head < size) return false;
  *frame = (struct ws_frame){.opcode = at[0] & 15, .final = at[0] >> 7, .compressed = at[0] & 0x40,
                             .payload = buffer_front(in) + head, .size = size};
  /* Not buffer_consume: that would move nothing, but may reset the offsets under the payload. */
  in->start += head + size;
  return true;
}
