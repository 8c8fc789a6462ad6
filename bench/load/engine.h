/* What the protocols tell the engine, and ask of it. */
#ifndef ENGINE_H
#define ENGINE_H
#include "peer.h"

/* Of every packet: u64 ns when it was sent, u32 index of its sender, u32 sequence number of its flow; little-endian. */
#define PACKET_HEADER 16
#define PACKET_ACK 0x80000000u
/* As large as an acknowledgement of edge-relay's protocol. */
#define ACK_PACKET 24

extern struct plan plan;
extern struct peer *peers;

static inline struct peer *member_of_group(const struct peer *peer, int local) {
  return &peers[peer->group * plan.group + local];
}
/* Whether these two of a group send to each other, in either direction. */
bool engine_has_link(int a, int b);

void engine_write(struct peer *peer, enum opcode opcode, const void *bytes, size_t size);
/* One message of a protocol without WebSockets. */
void engine_write_raw(struct peer *peer, const void *bytes, size_t size);
void engine_joined(struct peer *peer);
/* One of the peer's links is ready; each link is reported by both ends. */
void engine_linked(struct peer *peer);
void engine_packet(struct peer *peer, const uint8_t *packet, size_t size);
/* An acknowledgement came back. */
void engine_acknowledged(void);
/* The server hints that the peer should tick by so much later. `period` 0: there is nobody to meet. */
void engine_paced(struct peer *peer, int64_t period, int64_t shift);
/* The protocol has gathered something that the end of this turn has to send. */
void engine_turn(struct peer *peer);
/* Counted; the first one is reported. */
void engine_error(const struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void engine_run(void);
#endif
