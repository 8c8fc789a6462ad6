/* What to do, as the driver (bench/load/run-load.ts) writes it to standard input: one `name value` per line. */
#ifndef PLAN_H
#define PLAN_H
#include <stdbool.h>
#include <stdint.h>

#include "process.h"

/* Who sends to whom within a group. Peer 0 is the host of a star and the speaker of a broadcast. */
enum pattern { PATTERN_NONE, PATTERN_PAIR, PATTERN_MESH, PATTERN_STAR, PATTERN_BROADCAST };
/* When peers tick: all at once, all within `jitter_us` of one another, or each at a moment of its own. */
enum phase { PHASE_SYNC, PHASE_JITTER, PHASE_RANDOM };

/* What peers make of the relay's hints when to tick: nothing, a delay of what they send, or a shift of their own ticks. */
enum align { ALIGN_OFF, ALIGN_DELAY, ALIGN_TICKER };

struct peer_plan {
  char *path, *id, *protocols; /* protocols "-": none offered */
};

struct plan {
  char *protocol, *host;
  int port;
  struct process_tree server;
  enum pattern pattern;
  enum phase phase;
  bool groups_apart; /* each group ticks at a base phase of its own, instead of all together */
  int jitter_us;
  enum align align;
  int align_max_us; /* the longest delay */
  int group;      /* peers in each */
  int payload;    /* bytes of one packet, at least PACKET_HEADER */
  double rate;    /* ticks a second; 0: as fast as `window` lets */
  int window;     /* packets of a flow that may be under way, when there is no rate */
  bool batch;     /* what one turn sends leaves as one message, where the protocol can */
  bool reliable;
  bool deflate;   /* offers permessage-deflate, and must be granted it; what it sends itself is not compressed */
  int ack_every;  /* a receiver acknowledges each so-manieth packet; 0: never */
  int dials;      /* joins that may be under way at once */
  int join_timeout_ms, warm_ms, measure_ms, drain_ms;
  uint64_t seed;
  int peer_count;
  struct peer_plan *peers;
};

/* Exits with a message on a plan that cannot be read. */
void plan_read(struct plan *plan);
#endif
