/*
 * TURN (RFC 8656) over TCP, without authentication. Every peer has an allocation, and sends to the others' relayed
 * addresses over channels, as peers do that cannot reach each other: a packet crosses the server twice, by UDP between.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { ALLOCATE = 0x0003, CHANNEL_BIND = 0x0009, SUCCESS = 0x0100, FAILURE = 0x0110 };
enum { CHANNEL_NUMBER = 0x000c, XOR_PEER_ADDRESS = 0x0012, XOR_RELAYED_ADDRESS = 0x0016, REQUESTED_TRANSPORT = 0x0019 };
#define STUN_HEAD 20
#define COOKIE 0x2112a442u
#define UDP 17
#define FIRST_CHANNEL 0x4000
#define CHANNEL_HEAD 4

struct allocation {
  uint8_t address[8]; /* the value of XOR-RELAYED-ADDRESS: good as an XOR-PEER-ADDRESS as it is, IPv4 has no id in its mask */
};

static uint16_t read16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint8_t *put16(uint8_t *at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
  return at + 2;
}
static uint8_t *put32(uint8_t *at, uint32_t value) { return put16(put16(at, value >> 16), value & 0xffff); }

static uint8_t *begin_request(uint8_t *at, unsigned type, unsigned length) {
  static uint32_t transaction;
  at = put32(put16(put16(at, type), length), COOKIE);
  return put32(put32(put32(at, 0), 0), ++transaction);
}

static void opened(struct peer *peer) {
  uint8_t request[STUN_HEAD + 8], *at = begin_request(request, ALLOCATE, 8);
  peer->own = calloc(1, sizeof(struct allocation));
  put32(put16(put16(at, REQUESTED_TRANSPORT), 4), (uint32_t)UDP << 24);
  engine_write_raw(peer, request, sizeof request);
}

static void bind_channels(struct peer *peer) {
  for (int other = 0; other < plan.group; other++) {
    if (other == peer->local || !engine_has_link(peer->local, other)) continue;
    const struct allocation *allocation = member_of_group(peer, other)->own;
    uint8_t request[STUN_HEAD + 20], *at = begin_request(request, CHANNEL_BIND, 20);
    at = put16(put16(put16(put16(at, CHANNEL_NUMBER), 4), FIRST_CHANNEL + (unsigned)other), 0);
    memcpy(put16(put16(at, XOR_PEER_ADDRESS), 8), allocation->address, 8);
    engine_write_raw(peer, request, sizeof request);
  }
}

static void read_answer(struct peer *peer, const uint8_t *bytes, size_t size) {
  struct allocation *allocation = peer->own;
  unsigned type = read16(bytes);
  if (type == (CHANNEL_BIND | SUCCESS)) return engine_linked(peer);
  if (type != (ALLOCATE | SUCCESS)) return engine_error(peer, "STUN answer %#x", type);
  for (size_t at = STUN_HEAD; at + 12 <= size; at += 4 + ((read16(bytes + at + 2) + 3u) & ~3u))
    if (read16(bytes + at) == XOR_RELAYED_ADDRESS) memcpy(allocation->address, bytes + at + 4, 8);
  engine_joined(peer);
}

/* One message at the front; over TCP channel data is padded to four bytes. */
static size_t received(struct peer *peer, uint8_t *bytes, size_t size) {
  if (size < CHANNEL_HEAD) return 0;
  unsigned kind = read16(bytes), length = read16(bytes + 2);
  size_t whole = kind < FIRST_CHANNEL ? STUN_HEAD + length : CHANNEL_HEAD + ((length + 3u) & ~3u);
  if (size < whole) return 0;
  if (kind < FIRST_CHANNEL) read_answer(peer, bytes, whole);
  else engine_packet(peer, bytes + CHANNEL_HEAD, length);
  return whole;
}

static void send(struct peer *peer, int to, const uint8_t *packet, size_t size) {
  static const uint8_t padding[3];
  uint8_t head[CHANNEL_HEAD];
  put16(put16(head, FIRST_CHANNEL + (unsigned)to), (unsigned)size);
  buffer_append(&peer->batch, head, sizeof head);
  buffer_append(&peer->batch, packet, size);
  buffer_append(&peer->batch, padding, -size & 3);
  engine_write_raw(peer, buffer_front(&peer->batch), buffer_size(&peer->batch));
  buffer_clear(&peer->batch);
}

const struct protocol turn_protocol = {
    .name = "turn", .opened = opened, .received = received, .link = bind_channels, .send = send};
