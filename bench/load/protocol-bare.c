/*
 * The least a forwarder can do: one message per packet, `u16 first · u16 count` of the destinations and the packet,
 * which every destination gets as it is. Peers name themselves in the URL.
 */
#include <string.h>

#include "engine.h"

#define HEAD 4

static void opened(struct peer *peer) { engine_joined(peer); }

static void message(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size) {
  if (opcode != WS_BINARY) return; /* what a framework says beside */
  engine_packet(peer, bytes + HEAD, size - HEAD);
}

static void forward(struct peer *peer, int first, int count, const uint8_t *packet, size_t size) {
  uint16_t head[2] = {(uint16_t)first, (uint16_t)count};
  buffer_append(&peer->batch, head, HEAD);
  buffer_append(&peer->batch, packet, size);
  engine_write(peer, WS_BINARY, buffer_front(&peer->batch), buffer_size(&peer->batch));
  buffer_clear(&peer->batch);
}

static void send(struct peer *peer, int to, const uint8_t *packet, size_t size) {
  forward(peer, peer->group * plan.group + to, 1, packet, size);
}

static void multicast(struct peer *peer, const uint8_t *packet, size_t size) {
  forward(peer, peer->group * plan.group, plan.group, packet, size);
}

const struct protocol bare_protocol = {.name = "bare", .opened = opened, .message = message, .send = send, .multicast = multicast};
