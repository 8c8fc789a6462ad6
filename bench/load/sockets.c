#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "results.h"

#define READ_SIZE (256 * 1024)

const struct protocol *protocol;
int64_t received_at;

static int epoll;
static struct peer **dirty;
static int dirty_count;

void sockets_open(void) {
  epoll = epoll_create1(0);
  dirty = calloc((size_t)plan.peer_count, sizeof *dirty);
}

static void watch(struct peer *peer, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = peer};
  epoll_ctl(epoll, operation, peer->fd, &event);
}

static void lose(struct peer *peer, const char *why) {
  if (peer->state == PEER_GONE) return;
  engine_error(peer, "the server closed the socket: %s", why);
  peer->state = PEER_GONE;
  close(peer->fd);
  buffer_clear(&peer->out);
}

void sockets_dial(struct peer *peer) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
  inet_pton(AF_INET, plan.host, &address.sin_addr);
  peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  peer->dialled = clock_ns();
  if (peer->fd < 0) {
    engine_error(peer, "no socket: %s (raise ulimit -n)", strerror(errno));
    peer->state = PEER_GONE;
    return;
  }
  int on = 1;
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peer->state = PEER_DIALLING;
  peer->awaits_writable = true;
  if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    return lose(peer, strerror(errno));
  watch(peer, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void write_out(struct peer *peer) {
  while (buffer_size(&peer->out) > 0) {
    ssize_t written = send(peer->fd, buffer_front(&peer->out), buffer_size(&peer->out), MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return lose(peer, strerror(errno));
    buffer_consume(&peer->out, (size_t)written);
  }
  bool awaits = buffer_size(&peer->out) > 0;
  if (awaits != peer->awaits_writable) watch(peer, EPOLL_CTL_MOD, awaits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  peer->awaits_writable = awaits;
}

void sockets_touch(struct peer *peer) {
  if (peer->is_dirty || peer->state == PEER_GONE) return;
  peer->is_dirty = true;
  dirty[dirty_count++] = peer;
}

void sockets_flush(void) {
  for (int i = 0; i < dirty_count; i++) {
    struct peer *peer = dirty[i];
    if (peer->state != PEER_GONE && protocol->end_turn) protocol->end_turn(peer);
    peer->is_dirty = false; /* only now: end_turn writes, and would put the peer into the list again */
    if (peer->state == PEER_GONE) continue;
    if (peer->state != PEER_DIALLING && !peer->awaits_writable) write_out(peer);
  }
  dirty_count = 0;
}

static void begin_upgrade(struct peer *peer) {
  if (protocol->received) {
    peer->state = PEER_OPEN;
    return protocol->opened(peer);
  }
  peer->state = PEER_UPGRADING;
  ws_write_upgrade(&peer->out, plan.host, plan.port, peer->plan->path, peer->plan->protocols,
                   plan.deflate ? DEFLATE_OFFER : NULL);
}

static bool finish_upgrade(struct peer *peer, struct buffer *in) {
  int head = ws_read_upgrade(in);
  if (head < 0) {
    char line[64] = "";
    snprintf(line, sizeof line, "%.*s", (int)(buffer_size(in) < 60 ? buffer_size(in) : 60), buffer_front(in));
    lose(peer, line);
  }
  if (head <= 0) return false;
  if (plan.deflate && !(peer->inflater = inflater_new(buffer_front(in), (size_t)head))) {
    lose(peer, "it declined permessage-deflate");
    return false;
  }
  in->start += (size_t)head; /* what is behind it may follow at once */
  peer->state = PEER_OPEN;
  protocol->opened(peer);
  return true;
}

/* Into a buffer that all share: a message is done with before the next one is read. */
static bool inflate_frame(struct peer *peer, struct ws_frame *frame) {
  static struct buffer inflated;
  if (!peer->inflater || !inflater_read(peer->inflater, frame->payload, frame->size, &inflated)) return false;
  frame->payload = buffer_front(&inflated);
  frame->size = buffer_size(&inflated);
  return true;
}

static void handle_frame(struct peer *peer, struct ws_frame *frame) {
  if (frame->opcode == WS_PING) {
    ws_write(&peer->out, WS_PONG, frame->payload, frame->size);
    return sockets_touch(peer);
  }
  if (frame->opcode == WS_CLOSE) {
    unsigned code = frame->size >= 2 ? (unsigned)(frame->payload[0] << 8 | frame->payload[1]) : 1005;
    char why[32];
    snprintf(why, sizeof why, "close code %u", code);
    return lose(peer, why);
  }
  if (frame->opcode == WS_PONG) return;
  results.now.messages_out++;
  if (!frame->final) engine_error(peer, "the server sent a fragmented message");
  received_at = clock_ns();
  if (frame->compressed && !inflate_frame(peer, frame)) return lose(peer, "what it compressed does not inflate");
  if (frame->compressed) results.now.compressed++;
  protocol->message(peer, frame->opcode, frame->payload, frame->size);
}

static void handle_stream(struct peer *peer, struct buffer *in) {
  received_at = clock_ns();
  for (size_t taken; (taken = protocol->received(peer, buffer_front(in), buffer_size(in))) > 0; in->start += taken)
    results.now.messages_out++;
}

static void handle_frames(struct peer *peer, struct buffer *in) {
  if (protocol->received) return handle_stream(peer, in);
  if (peer->state == PEER_UPGRADING && !finish_upgrade(peer, in)) return;
  struct ws_frame frame;
  while (peer->state != PEER_GONE && ws_read(in, &frame)) handle_frame(peer, &frame);
}

/* All read into one buffer, and a peer keeps only the beginning of what is not all here: ten thousand are cheap. */
static void read_in(struct peer *peer) {
  static struct buffer shared;
  buffer_clear(&shared);
  ssize_t size = recv(peer->fd, buffer_reserve(&shared, READ_SIZE), READ_SIZE, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return lose(peer, size < 0 ? strerror(errno) : "end of stream");
  buffer_grow(&shared, (size_t)size);
  results.now.bytes_out += (uint64_t)size;
  if (buffer_size(&peer->in) > 0) {
    buffer_append(&peer->in, buffer_front(&shared), (size_t)size);
    handle_frames(peer, &peer->in);
    if (buffer_size(&peer->in) == 0) buffer_free(&peer->in);
    return;
  }
  handle_frames(peer, &shared);
  if (buffer_size(&shared) > 0) buffer_append(&peer->in, buffer_front(&shared), buffer_size(&shared));
}

static void handle(struct peer *peer, uint32_t events) {
  if (peer->state == PEER_GONE) return;
  if (peer->state == PEER_DIALLING && (events & EPOLLOUT)) begin_upgrade(peer);
  if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_in(peer);
  if (peer->state != PEER_GONE && (events & EPOLLOUT)) write_out(peer);
}

void sockets_wait(int64_t until) {
  struct epoll_event events[256];
  int64_t left = until - clock_ns();
  struct timespec timeout = {.tv_sec = left > 0 ? left / 1000000000 : 0, .tv_nsec = left > 0 ? left % 1000000000 : 0};
  int count = epoll_pwait2(epoll, events, 256, &timeout, NULL);
  for (int i = 0; i < count; i++) handle(events[i].data.ptr, events[i].events);
  sockets_flush();
}
