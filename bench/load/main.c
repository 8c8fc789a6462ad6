/* Reads a plan from standard input, plays it against one server, prints what it counted as JSON. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "engine.h"
#include "results.h"
#include "sockets.h"

extern const struct protocol bare_protocol, colyseus_protocol, edge_relay_protocol, nats_protocol, socketio_protocol,
    turn_protocol;

const struct protocol *protocol_named(const char *name) {
  const struct protocol *all[] = {&edge_relay_protocol, &bare_protocol, &socketio_protocol, &colyseus_protocol, &nats_protocol,
                                  &turn_protocol};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0) return all[i];
  return NULL;
}

/* One file for each peer: as many as this user may have. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void) {
  raise_file_limit();
  plan_read(&plan);
  protocol = protocol_named(plan.protocol);
  if (!protocol || plan.payload < PACKET_HEADER) {
    fprintf(stderr, "load: no protocol \"%s\", or a payload below %d bytes\n", plan.protocol, PACKET_HEADER);
    return 2;
  }
  engine_run();
  results_print();
  return 0;
}
