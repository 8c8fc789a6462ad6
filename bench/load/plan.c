#define _GNU_SOURCE
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(const char *what, const char *value) {
  fprintf(stderr, "load: the plan's %s cannot be \"%s\"\n", what, value);
  exit(2);
}

static int choice(const char *name, const char *value, const char *const *choices) {
  for (int i = 0; choices[i]; i++)
    if (strcmp(value, choices[i]) == 0) return i;
  refuse(name, value);
  return 0;
}

static void read_peer(struct plan *plan, const char *value) {
  struct peer_plan peer = {0};
  if (sscanf(value, "%ms %ms %ms", &peer.path, &peer.id, &peer.protocols) != 3) refuse("peer", value);
  if ((plan->peer_count & (plan->peer_count - 1)) == 0) {
    size_t capacity = plan->peer_count ? (size_t)plan->peer_count * 2 : 1;
    plan->peers = realloc(plan->peers, capacity * sizeof *plan->peers);
  }
  plan->peers[plan->peer_count++] = peer;
}

static void set(struct plan *plan, const char *name, const char *value) {
  static const char *const patterns[] = {"none", "pair", "mesh", "star", "broadcast", NULL};
  static const char *const phases[] = {"sync", "jitter", "random", NULL};
  static const char *const aligns[] = {"off", "delay", "ticker", NULL};
#define IS(text) (strcmp(name, text) == 0)
  if (IS("peer")) read_peer(plan, value);
  else if (IS("protocol")) plan->protocol = strdup(value);
  else if (IS("host")) plan->host = strdup(value);
  else if (IS("port")) plan->port = atoi(value);
  else if (IS("pid")) process_tree_add(&plan->server, atoi(value));
  else if (IS("pattern")) plan->pattern = (enum pattern)choice(name, value, patterns);
  else if (IS("phase")) plan->phase = (enum phase)choice(name, value, phases);
  else if (IS("groups_apart")) plan->groups_apart = atoi(value);
  else if (IS("jitter_us")) plan->jitter_us = atoi(value);
  else if (IS("align")) plan->align = (enum align)choice(name, value, aligns);
  else if (IS("align_max_us")) plan->align_max_us = atoi(value);
  else if (IS("group")) plan->group = atoi(value);
  else if (IS("payload")) plan->payload = atoi(value);
  else if (IS("rate")) plan->rate = atof(value);
  else if (IS("window")) plan->window = atoi(value);
  else if (IS("batch")) plan->batch = atoi(value);
  else if (IS("deflate")) plan->deflate = atoi(value);
  else if (IS("reliable")) plan->reliable = atoi(value);
  else if (IS("ack_every")) plan->ack_every = atoi(value);
  else if (IS("dials")) plan->dials = atoi(value);
  else if (IS("join_timeout_ms")) plan->join_timeout_ms = atoi(value);
  else if (IS("warm_ms")) plan->warm_ms = atoi(value);
  else if (IS("measure_ms")) plan->measure_ms = atoi(value);
  else if (IS("drain_ms")) plan->drain_ms = atoi(value);
  else if (IS("seed")) plan->seed = strtoull(value, NULL, 10);
  else refuse("setting", name);
#undef IS
}

void plan_read(struct plan *plan) {
  *plan = (struct plan){.group = 2, .payload = 64, .window = 1, .batch = true, .dials = 32,
                        .join_timeout_ms = 60000, .warm_ms = 500, .measure_ms = 3000, .drain_ms = 1000, .seed = 1};
  char *line = NULL;
  size_t capacity = 0;
  for (ssize_t length; (length = getline(&line, &capacity, stdin)) > 0;) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    char *value = strchr(line, ' ');
    if (!value) refuse("line", line);
    *value++ = 0;
    set(plan, line, value);
  }
  free(line);
  if (!plan->protocol || !plan->host || !plan->port) refuse("server", "missing");
  if (plan->group < 1 || plan->peer_count < 1 || plan->peer_count % plan->group) refuse("number of peers", "no multiple of the group");
}
