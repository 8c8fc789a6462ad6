/* The run: join, link, warm up, measure, drain. */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "results.h"
#include "schedule.h"
#include "sockets.h"

#define KEEP_ALIVE (15000 * MS)

struct plan plan;
struct peer *peers;

static enum { JOINING, LINKING, WARMING, MEASURING, DRAINING } stage;
static int64_t period, schedule_start, keep_alive_at;
static int dialled, gone;
static uint8_t *packet;

static bool sends_to(int from, int to) {
  if (from == to) return false;
  switch (plan.pattern) {
    case PATTERN_NONE: return false;
    case PATTERN_PAIR:
    case PATTERN_BROADCAST: return from == 0;
    case PATTERN_MESH: return true;
    case PATTERN_STAR: return from == 0 || to == 0;
  }
  return false;
}

bool engine_has_link(int a, int b) { return sends_to(a, b) || sends_to(b, a); }

void engine_error(const struct peer *peer, const char *format, ...) {
  if (stage == DRAINING && peer->state == PEER_GONE) return;
  if (results.errors++ > 0) return;
  int length = snprintf(results.first_error, sizeof results.first_error, "peer %d: ", peer->index);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(results.first_error + length, sizeof results.first_error - (size_t)length, format, arguments);
  va_end(arguments);
}

void engine_write(struct peer *peer, enum opcode opcode, const void *bytes, size_t size) {
  size_t before = buffer_size(&peer->out);
  ws_write(&peer->out, opcode, bytes, size);
  results.now.messages_in++;
  results.now.bytes_in += buffer_size(&peer->out) - before;
  sockets_touch(peer);
}

void engine_write_raw(struct peer *peer, const void *bytes, size_t size) {
  buffer_append(&peer->out, bytes, size);
  results.now.messages_in++;
  results.now.bytes_in += size;
  sockets_touch(peer);
}

void engine_joined(struct peer *peer) {
  if (peer->state != PEER_OPEN) return;
  peer->state = PEER_JOINED;
  results.joined_peers++;
  histogram_add(&results.join, clock_ns() - peer->dialled);
}

void engine_linked(struct peer *peer) {
  (void)peer;
  results.linked++;
}

void engine_acknowledged(void) { results.now.acks++; }
void engine_turn(struct peer *peer) { sockets_touch(peer); }

/* --- sending --- */

/* The time of a packet is when it was due: what a peer holds back counts as latency. */
static const uint8_t *stamped(const struct peer *peer, uint32_t mark, uint32_t sequence) {
  uint64_t now = (uint64_t)(clock_ns() - (mark ? 0 : peer->hold));
  uint32_t source = (uint32_t)peer->index | mark;
  memcpy(packet, &now, 8);
  memcpy(packet + 8, &source, 4);
  memcpy(packet + 12, &sequence, 4);
  return packet;
}

static void send_packet(struct peer *peer, int to) {
  results.now.sent++;
  protocol->send(peer, to, stamped(peer, 0, ++peer->sent[to]), (size_t)plan.payload);
  sockets_touch(peer);
}

static void send_multicast(struct peer *peer) {
  results.now.sent += (uint64_t)(plan.group - 1);
  for (int to = 0; to < plan.group; to++) peer->sent[to]++;
  protocol->multicast(peer, stamped(peer, 0, peer->sent[peer->local]), (size_t)plan.payload);
  sockets_touch(peer);
}

static void acknowledge_owed(struct peer *peer) {
  for (int to = 0; to < plan.group; to++) {
    if (peer->owed[to] == 0) continue;
    protocol->acknowledge(peer, to, peer->owed[to]);
    peer->owed[to] = 0;
  }
}

static void send_tick(struct peer *peer) {
  if (peer->state == PEER_GONE) return;
  if (protocol->acknowledge) acknowledge_owed(peer);
  if (plan.pattern == PATTERN_BROADCAST && protocol->multicast) return send_multicast(peer);
  for (int to = 0; to < plan.group; to++)
    if (sends_to(peer->local, to)) send_packet(peer, to);
}

/* Our client's acknowledgements wait up to 100 ms for a message to ride in: where there are ticks, for the next one. */
static void acknowledge(struct peer *peer, int to, uint32_t sequence) {
  if (protocol->acknowledge && plan.rate > 0) {
    peer->owed[to] = sequence;
    return;
  }
  if (protocol->acknowledge) protocol->acknowledge(peer, to, sequence);
  else protocol->send(peer, to, stamped(peer, PACKET_ACK, sequence), ACK_PACKET);
  sockets_touch(peer);
}

void engine_packet(struct peer *peer, const uint8_t *bytes, size_t size) {
  int64_t sent;
  uint32_t source, sequence;
  if (size < PACKET_HEADER) return engine_error(peer, "a packet of %zu bytes", size);
  memcpy(&sent, bytes, 8);
  memcpy(&source, bytes + 8, 4);
  memcpy(&sequence, bytes + 12, 4);
  if (source & PACKET_ACK) {
    return engine_acknowledged();
  }
  int from = (int)source - peer->group * plan.group;
  if (from < 0 || from >= plan.group || !sends_to(from, peer->local)) return engine_error(peer, "a packet of peer %u", source);
  if ((int)size != plan.payload) engine_error(peer, "a packet of %zu bytes, not %d", size, plan.payload);
  if (sequence != peer->received[from] + 1) results.disordered++;
  peer->received[from] = sequence;
  results.now.delivered++;
  if (stage == MEASURING) histogram_add(&results.latency, received_at - sent);
  if (plan.ack_every > 0 && sequence % (uint32_t)plan.ack_every == 0) acknowledge(peer, from, sequence);
  if (plan.rate == 0 && stage < DRAINING) send_packet(member_of_group(peer, from), peer->local);
}

/* --- the schedule --- */

static int64_t tick_time(const struct peer *peer) {
  int64_t jitter = plan.phase == PHASE_JITTER ? random_below(plan.jitter_us * 1000ll) : 0;
  return schedule_start + peer->phase + (int64_t)peer->ticks * period + jitter + peer->hold;
}

static int64_t at_most(int64_t value, int64_t limit) { return value < limit ? value : limit; }

/* As src/client/alignment.ts does; a ticker moves at once what the client's moves bit by bit. */
void engine_paced(struct peer *peer, int64_t period, int64_t shift) {
  if (plan.align == ALIGN_TICKER) peer->phase += shift;
  if (plan.align != ALIGN_DELAY) return;
  int64_t max = at_most(plan.align_max_us * 1000ll, period / 2);
  int64_t hold = shift > max ? 0 : at_most(peer->hold + shift, max);
  peer->hold = hold > 0 ? hold : 0;
}

static void start_schedule(void) {
  schedule_start = clock_ns() + 5 * MS;
  period = plan.rate > 0 ? (int64_t)(1e9 / plan.rate) : 0;
  int64_t base = 0;
  for (int i = 0; i < plan.peer_count; i++) {
    struct peer *peer = &peers[i];
    if (peer->local == 0) base = plan.groups_apart ? random_below(period) : 0;
    peer->phase = plan.phase == PHASE_RANDOM ? random_below(period) : base;
    bool speaks = false;
    for (int to = 0; to < plan.group; to++) speaks |= sends_to(peer->local, to);
    if (!speaks) continue;
    if (period > 0) schedule_add(tick_time(peer), i);
    for (int n = 0; period == 0 && n < plan.window; n++) send_tick(peer);
  }
}

static void run_due_ticks(int64_t now) {
  struct tick tick;
  while (schedule_first(&tick) && tick.at <= now) {
    schedule_take(&tick);
    if (stage >= DRAINING) continue;
    struct peer *peer = &peers[tick.peer];
    if (stage == MEASURING) histogram_add(&results.late, now - tick.at);
    send_tick(peer);
    peer->ticks++;
    schedule_add(tick_time(peer), tick.peer);
  }
}

static void keep_alive(int64_t now) {
  if (!protocol->keep_alive || now < keep_alive_at) return;
  keep_alive_at = now + KEEP_ALIVE;
  for (int i = 0; i < plan.peer_count; i++)
    if (peers[i].state == PEER_JOINED) protocol->keep_alive(&peers[i]);
}

/* Lets time pass until `deadline`, or until `is_done`. */
static bool run_until(int64_t deadline, bool (*is_done)(void)) {
  for (;;) {
    int64_t now = clock_ns();
    if (is_done && is_done()) return true;
    if (now >= deadline) return false;
    run_due_ticks(now);
    keep_alive(now);
    sockets_flush();
    struct tick next;
    int64_t until = deadline;
    if (schedule_first(&next) && next.at < until) until = next.at;
    sockets_wait(until);
  }
}

/* --- the stages --- */

static bool dial_and_check_joined(void) {
  gone = 0;
  for (int i = 0; i < dialled; i++) gone += peers[i].state == PEER_GONE;
  while (dialled < plan.peer_count && dialled - results.joined_peers - gone < plan.dials) sockets_dial(&peers[dialled++]);
  return results.joined_peers + gone >= plan.peer_count;
}

static int links_expected(void) {
  int links = 0;
  for (int a = 0; a < plan.group; a++)
    for (int b = 0; b < a; b++) links += engine_has_link(a, b);
  return 2 * links * (plan.peer_count / plan.group);
}

static bool is_linked(void) { return results.linked >= links_expected(); }
static bool is_drained(void) { return results.now.delivered >= results.now.sent; }

static void create_peers(void) {
  peers = calloc((size_t)plan.peer_count, sizeof *peers);
  size_t size = (size_t)plan.payload > ACK_PACKET ? (size_t)plan.payload : ACK_PACKET;
  packet = calloc(1, size);
  for (int i = 0; i < plan.peer_count; i++) {
    uint32_t *sequences = calloc((size_t)plan.group * 3, sizeof *sequences);
    peers[i] = (struct peer){.index = i, .group = i / plan.group, .local = i % plan.group, .plan = &plan.peers[i],
                             .sent = sequences, .received = sequences + plan.group,
                             .owed = sequences + 2 * plan.group};
  }
}

static bool join_and_link(void) {
  results.rss_before = process_tree_rss(&plan.server);
  results_mark(&results.begin, &plan.server);
  bool joined = run_until(clock_ns() + plan.join_timeout_ms * MS, dial_and_check_joined);
  results_mark(&results.joined, &plan.server);
  if (!joined || gone > 0) {
    engine_error(&peers[0], "%d of %d peers joined within %d ms", results.joined_peers, plan.peer_count, plan.join_timeout_ms);
    return false;
  }
  stage = LINKING;
  if (!protocol->link) return true;
  for (int i = 0; i < plan.peer_count; i++) protocol->link(&peers[i]);
  if (run_until(clock_ns() + plan.join_timeout_ms * MS, is_linked)) return true;
  engine_error(&peers[0], "%d of %d ends of links are up", results.linked, links_expected());
  return false;
}

void engine_run(void) {
  random_seed(plan.seed);
  keep_alive_at = clock_ns() + KEEP_ALIVE;
  sockets_open();
  create_peers();
  if (!join_and_link()) return;
  stage = WARMING;
  start_schedule();
  run_until(clock_ns() + plan.warm_ms * MS, NULL);
  stage = MEASURING;
  results_mark(&results.from, &plan.server);
  run_until(clock_ns() + plan.measure_ms * MS, NULL);
  results_mark(&results.to, &plan.server);
  results.rss_after = process_tree_rss(&plan.server);
  stage = DRAINING;
  run_until(clock_ns() + plan.drain_ms * MS, is_drained);
  results.rss_peak = process_tree_peak(&plan.server);
}
