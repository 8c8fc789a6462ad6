/* Non-blocking sockets under one epoll. */
#ifndef SOCKETS_H
#define SOCKETS_H
#include "peer.h"

extern const struct protocol *protocol;
/* When the message that is being read came in. */
extern int64_t received_at;

void sockets_open(void);
void sockets_dial(struct peer *peer);
/* Waits until something happens or `until` (ns), and handles it. */
void sockets_wait(int64_t until);
/* Its turn has something to write. */
void sockets_touch(struct peer *peer);
/* Ends the turn of everyone touched: one write each. */
void sockets_flush(void);
#endif
