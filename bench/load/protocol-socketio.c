/* socket.io 4 over engine.io 4, WebSocket only. A packet is the event "p" with a binary attachment: two messages. */
#include <stdio.h>
#include <string.h>

#include "engine.h"

static void opened(struct peer *peer) { (void)peer; /* the server speaks first */ }

static void write_text(struct peer *peer, const char *text) { engine_write(peer, WS_TEXT, text, strlen(text)); }

static void message(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size) {
  if (opcode == WS_BINARY) return engine_packet(peer, bytes, size);
  if (size == 0) return engine_error(peer, "an empty text message");
  if (bytes[0] == '0') return write_text(peer, "40");
  if (bytes[0] == '2') return write_text(peer, "3");
  if (size >= 2 && memcmp(bytes, "40", 2) == 0) return engine_joined(peer);
  if (size >= 2 && memcmp(bytes, "45", 2) == 0) return; /* the event, whose attachment follows */
  engine_error(peer, "%.*s", (int)(size < 100 ? size : 100), (const char *)bytes);
}

static void emit(struct peer *peer, int first, int count, const uint8_t *packet, size_t size) {
  char text[80];
  snprintf(text, sizeof text, "451-[\"p\",%d,%d,{\"_placeholder\":true,\"num\":0}]", first, count);
  write_text(peer, text);
  engine_write(peer, WS_BINARY, packet, size);
}

static void send(struct peer *peer, int to, const uint8_t *packet, size_t size) {
  emit(peer, peer->group * plan.group + to, 1, packet, size);
}

static void multicast(struct peer *peer, const uint8_t *packet, size_t size) {
  emit(peer, peer->group * plan.group, plan.group, packet, size);
}

const struct protocol socketio_protocol = {.name = "socketio", .opened = opened, .message = message, .send = send, .multicast = multicast};
