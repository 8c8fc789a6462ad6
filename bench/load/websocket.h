/* The client's end of RFC 6455, without compression and without fragments on the way out; in: inflate.h. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_frame {
  enum opcode opcode;
  bool final, compressed;
  uint8_t *payload;
  size_t size;
};

void ws_write_upgrade(struct buffer *out, const char *host, int port, const char *path, const char *protocols,
                      const char *extensions);
/* Bytes of the answer's head; 0: not all here yet; -1: no 101. */
int ws_read_upgrade(const struct buffer *in);
void ws_write(struct buffer *out, enum opcode opcode, const uint8_t *payload, size_t size);
/* Takes one whole frame from the front; false when there is none yet. The payload is valid until the next read. */
bool ws_read(struct buffer *in, struct ws_frame *frame);
#endif
