/* docs/protocol.md, as far as a load needs it: a fresh session, connections, data, acks, multicast, marks and credits. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum {
  HELLO = 0x01, WELCOME = 0x02, BYE = 0x03, ERROR = 0x04, MARK = 0x05, CREDIT = 0x06,
  CONNECT = 0x10, CONNECTING = 0x11, INCOMING = 0x12, ACCEPT = 0x13, CLOSE = 0x15, STATE = 0x16,
  DATA = 0x20, ACK = 0x21, MULTICAST = 0x23, PACE = 0x88,
};
#define HEADER 8
#define DATA_HEAD 24
#define RELIABLE 0x01
#define CONNECTED 1
#define SOCKETS_TYPE 2
#define MAX_BATCH (1024 * 1024)

struct session {
  uint32_t *handles; /* by place in the group; 0: none */
};

static uint32_t read32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}
static uint8_t *put16(uint8_t *at, uint16_t value) { return memcpy(at, &value, 2), at + 2; }
static uint8_t *put32(uint8_t *at, uint32_t value) { return memcpy(at, &value, 4), at + 4; }
static uint8_t *put64(uint8_t *at, uint64_t value) { return memcpy(at, &value, 8), at + 8; }

static void end_turn(struct peer *peer) {
  if (buffer_size(&peer->batch) == 0) return;
  engine_write(peer, WS_BINARY, buffer_front(&peer->batch), buffer_size(&peer->batch));
  buffer_clear(&peer->batch);
}

/* Begins a frame of this many bytes behind the header, in the turn's message. Returns where they go. */
static uint8_t *frame(struct peer *peer, uint8_t type, uint8_t flags, uint32_t length) {
  size_t size = HEADER + length;
  if (buffer_size(&peer->batch) + size > MAX_BATCH) end_turn(peer);
  uint8_t *at = buffer_reserve(&peer->batch, size);
  buffer_grow(&peer->batch, size);
  at[0] = type;
  at[1] = flags;
  at[2] = at[3] = 0;
  return put32(at + 4, length);
}

static void opened(struct peer *peer) {
  struct session *session = peer->own = calloc(1, sizeof *session);
  session->handles = calloc((size_t)plan.group, sizeof *session->handles);
  uint8_t *at = put16(frame(peer, HELLO, 0, 11), 1);
  put64(at, 0)[0] = 0; /* no session, and a token of no bytes */
  end_turn(peer);
}

static uint64_t id_of(const struct peer *peer) { return strtoull(peer->plan->id, NULL, 10); }

static void link_peer(struct peer *peer) {
  for (int other = peer->local + 1; other < plan.group; other++) {
    if (!engine_has_link(peer->local, other)) continue;
    uint8_t *at = put32(frame(peer, CONNECT, 0, 25), (uint32_t)other);
    *at++ = SOCKETS_TYPE;
    at = put64(at, id_of(member_of_group(peer, other)));
    at = put32(put32(at, 0), 0xffffffff); /* virtual port 0, no channel */
    put32(at, 60000);
  }
  end_turn(peer);
}

static void read_incoming(struct peer *peer, const uint8_t *body) {
  struct session *session = peer->own;
  uint64_t id;
  memcpy(&id, body + 13, 8);
  int local = (int)(id - id_of(member_of_group(peer, 0)));
  if (local < 0 || local >= plan.group) return engine_error(peer, "an incoming connection of a stranger");
  session->handles[local] = read32(body);
  put32(frame(peer, ACCEPT, 0, 4), read32(body));
}

static void read_control(struct peer *peer, uint8_t type, const uint8_t *body, size_t size) {
  struct session *session = peer->own;
  switch (type) {
    case WELCOME: return engine_joined(peer);
    case MARK: put32(frame(peer, CREDIT, 0, 4), read32(body)); return;
    case CONNECTING: session->handles[read32(body) % (uint32_t)plan.group] = read32(body + 4); return;
    case INCOMING: return read_incoming(peer, body);
    case STATE: if (body[4] == CONNECTED) engine_linked(peer); return;
    case PACE: return engine_paced(peer, read32(body) * 1000ll, (int32_t)read32(body + 4) * 1000ll);
    case BYE: return engine_error(peer, "bye %u", read32(body) & 0xffff);
    case CLOSE: return engine_error(peer, "connection closed, reason %u", read32(body + 4) & 0xffff);
    case ERROR: return engine_error(peer, "error %u: %.*s", read32(body) & 0xffff, (int)(size - 8), (const char *)body + 8);
  }
}

static void message(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size) {
  if (opcode != WS_BINARY) return; /* pong */
  for (size_t offset = 0; offset < size;) {
    const uint8_t *at = bytes + offset;
    size_t length = size - offset >= HEADER ? read32(at + 4) : SIZE_MAX / 2;
    if (length > size - offset - HEADER) return engine_error(peer, "a truncated batch");
    if (at[0] == DATA) engine_packet(peer, at + DATA_HEAD, HEADER + length - DATA_HEAD);
    else if (at[0] == ACK) engine_acknowledged();
    else read_control(peer, at[0], at + HEADER, length);
    offset += HEADER + length;
  }
  if (buffer_size(&peer->batch) > 0) engine_turn(peer);
}

static void send(struct peer *peer, int to, const uint8_t *packet, size_t size) {
  const struct session *session = peer->own;
  uint32_t number = peer->sent[to];
  uint8_t *at = frame(peer, DATA, plan.reliable ? RELIABLE : 0, (uint32_t)(DATA_HEAD - HEADER + size));
  at = put32(put32(at, session->handles[to]), 0);
  at = put32(put32(at, number), plan.reliable ? number : 0);
  memcpy(at, packet, size);
  if (!plan.batch) end_turn(peer);
}

static void acknowledge(struct peer *peer, int to, uint32_t sequence) {
  const struct session *session = peer->own;
  uint8_t *at = put32(frame(peer, ACK, 0, 16), session->handles[to]);
  put32(put32(put32(at, sequence), 0), 8 * 1024 * 1024);
}

static void multicast(struct peer *peer, const uint8_t *packet, size_t size) {
  const struct session *session = peer->own;
  uint16_t targets = (uint16_t)(plan.group - 1);
  uint8_t *at = frame(peer, MULTICAST, plan.reliable ? RELIABLE : 0, (uint32_t)(8 + targets * 12u + size));
  at = put16(put16(put32(at, 0), targets), 0);
  for (int to = 0; to < plan.group; to++) {
    if (to == peer->local) continue;
    uint32_t number = peer->sent[to];
    at = put32(put32(put32(at, session->handles[to]), number), plan.reliable ? number : 0);
  }
  memcpy(at, packet, size);
}

static void keep_alive(struct peer *peer) { engine_write(peer, WS_TEXT, "ping", 4); }

const struct protocol edge_relay_protocol = {
    .name = "edge-relay", .opened = opened, .message = message, .link = link_peer, .send = send,
    .multicast = multicast, .acknowledge = acknowledge, .end_turn = end_turn, .keep_alive = keep_alive};
