/*
 * Colyseus rooms, after the seat was reserved over HTTP: `u8 10` joins, `u8 17 · "p" in MessagePack · bytes` is a message
 * of type p. The bytes are the bare protocol's: destinations and packet.
 */
#include <string.h>

#include "engine.h"

enum { JOIN_ROOM = 10, ROOM_DATA_BYTES = 17 };
static const uint8_t HEAD[3] = {ROOM_DATA_BYTES, 0xa1, 'p'};
#define DESTINATIONS 4

static void opened(struct peer *peer) { (void)peer; /* the server speaks first */ }

static void message(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size) {
  (void)opcode;
  const uint8_t join = JOIN_ROOM;
  if (size > sizeof HEAD && memcmp(bytes, HEAD, sizeof HEAD) == 0)
    return engine_packet(peer, bytes + sizeof HEAD + DESTINATIONS, size - sizeof HEAD - DESTINATIONS);
  if (size == 0 || bytes[0] != JOIN_ROOM) return; /* the room's state, which is empty */
  engine_write(peer, WS_BINARY, &join, 1);
  engine_joined(peer);
}

static void forward(struct peer *peer, int first, int count, const uint8_t *packet, size_t size) {
  uint16_t destinations[2] = {(uint16_t)first, (uint16_t)count};
  buffer_append(&peer->batch, HEAD, sizeof HEAD);
  buffer_append(&peer->batch, destinations, DESTINATIONS);
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

const struct protocol colyseus_protocol = {.name = "colyseus", .opened = opened, .message = message, .send = send, .multicast = multicast};
