/* One client: its socket, and what it has sent and received. */
#ifndef PEER_H
#define PEER_H
#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "inflate.h"
#include "plan.h"
#include "websocket.h"

enum peer_state { PEER_IDLE, PEER_DIALLING, PEER_UPGRADING, PEER_OPEN, PEER_JOINED, PEER_GONE };

struct peer {
  int fd;
  int index;        /* among all */
  int group, local; /* which group, and which place in it */
  enum peer_state state;
  const struct peer_plan *plan;
  struct buffer in, out;
  struct buffer batch; /* what the protocol gathers until the turn ends */
  bool is_dirty;       /* in the list of those whose turn ends with something to write */
  bool awaits_writable;
  struct inflater *inflater; /* NULL: nothing is compressed */
  int64_t dialled;
  /* By place in the group: sequence numbers of what was sent to it, and last received from it. */
  uint32_t *sent, *received;
  /* What is to be acknowledged with the next tick; 0: nothing. */
  uint32_t *owed;
  int64_t phase; /* ns after the beginning of the schedule at which its first tick is due */
  uint64_t ticks;
  int64_t hold; /* ns by which its ticks are sent later than they are due, to meet those of others */
  void *own; /* the protocol's */
};

/* A server's protocol as its clients speak it. One file each: protocol-*.c. NULL where there is nothing to do. */
struct protocol {
  const char *name;
  /* The WebSocket, or the bare connection, is up. */
  void (*opened)(struct peer *peer);
  /* For a protocol without WebSockets: takes one message from the front. Bytes taken, 0 when it is not all here. */
  size_t (*received)(struct peer *peer, uint8_t *bytes, size_t size);
  void (*message)(struct peer *peer, enum opcode opcode, uint8_t *bytes, size_t size);
  /* Once all have joined: asks for what must exist before packets may flow. */
  void (*link)(struct peer *peer);
  void (*send)(struct peer *peer, int to, const uint8_t *packet, size_t size);
  /* One packet to everyone else in the group. */
  void (*multicast)(struct peer *peer, const uint8_t *packet, size_t size);
  /* What came last from there has been taken in; without it the engine sends a packet of the size of one. */
  void (*acknowledge)(struct peer *peer, int to, uint32_t sequence);
  /* Everything of this turn has been given to `send`. */
  void (*end_turn)(struct peer *peer);
  void (*keep_alive)(struct peer *peer);
};

const struct protocol *protocol_named(const char *name);
#endif
