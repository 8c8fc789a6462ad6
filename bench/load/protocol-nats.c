/* NATS's text protocol in WebSocket messages. Each peer subscribes to a subject of its own and to its group's. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* The server cuts its stream into messages wherever it likes, so what it sends is a stream again here. */
static struct buffer *stream_of(struct peer *peer) { return peer->own; }

static void end_turn(struct peer *peer) {
  if (buffer_size(&peer->batch) == 0) return;
  engine_write(peer, WS_BINARY, buffer_front(&peer->batch), buffer_size(&peer->batch));
  buffer_clear(&peer->batch);
}

static void say(struct peer *peer, const char *text) { buffer_append(&peer->batch, text, strlen(text)); }

static void opened(struct peer *peer) { peer->own = calloc(1, sizeof(struct buffer)); }

static void introduce(struct peer *peer) {
  char text[160];
  say(peer, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n");
  snprintf(text, sizeof text, "SUB p.%d 1\r\nSUB g.%d 2\r\nPING\r\n", peer->index, peer->group);
  say(peer, text);
  end_turn(peer);
}

/* Handles one whole command at the front of the stream; bytes that it took, 0 when it is not all here. */
static size_t read_command(struct peer *peer, const uint8_t *bytes, size_t size) {
  const uint8_t *end = memmem(bytes, size, "\r\n", 2);
  if (!end) return 0;
  size_t line = (size_t)(end - bytes) + 2;
  if (memcmp(bytes, "MSG ", 4) == 0) {
    const uint8_t *digits = memrchr(bytes, ' ', line);
    size_t payload = (size_t)strtoul((const char *)digits + 1, NULL, 10);
    if (size < line + payload + 2) return 0;
    engine_packet(peer, bytes + line, payload);
    return line + payload + 2;
  }
  if (memcmp(bytes, "INFO", 4) == 0) {
    if (peer->state == PEER_OPEN) introduce(peer);
  } else if (memcmp(bytes, "PING", 4) == 0) {
    say(peer, "PONG\r\n");
  } else if (memcmp(bytes, "PONG", 4) == 0) {
    engine_joined(peer);
  } else {
    engine_error(peer, "%.*s", (int)line - 2, (const char *)bytes);
  }
  return line;
}

static void message(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size) {
  (void)opcode;
  struct buffer *stream = stream_of(peer);
  buffer_append(stream, bytes, size);
  for (size_t taken; (taken = read_command(peer, buffer_front(stream), buffer_size(stream))) > 0;)
    buffer_consume(stream, taken);
  if (buffer_size(&peer->batch) > 0) engine_turn(peer);
}

static void publish(struct peer *peer, char kind, int subject, const uint8_t *packet, size_t size) {
  char head[48];
  snprintf(head, sizeof head, "PUB %c.%d %zu\r\n", kind, subject, size);
  say(peer, head);
  buffer_append(&peer->batch, packet, size);
  say(peer, "\r\n");
  if (!plan.batch) end_turn(peer);
}

static void send(struct peer *peer, int to, const uint8_t *packet, size_t size) {
  publish(peer, 'p', peer->group * plan.group + to, packet, size);
}

static void multicast(struct peer *peer, const uint8_t *packet, size_t size) {
  publish(peer, 'g', peer->group, packet, size);
}

const struct protocol nats_protocol = {.name = "nats", .opened = opened, .message = message, .send = send,
                                       .multicast = multicast, .end_turn = end_turn};
