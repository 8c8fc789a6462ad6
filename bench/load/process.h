/* CPU and memory of the server's processes, and of this one. */
#ifndef PROCESS_H
#define PROCESS_H
#include <stdint.h>

#define MAX_PROCESSES 64

struct process_tree {
  int pids[MAX_PROCESSES];
  int count;
};

/* Adds the process and all that descend from it just now. */
void process_tree_add(struct process_tree *tree, int pid);
/* User and system time of all threads, those that have ended included, in µs. Granularity: 10 ms. */
int64_t process_tree_cpu(const struct process_tree *tree);
/* KiB: resident now, or the sum of each one's peak. */
int64_t process_tree_rss(const struct process_tree *tree);
int64_t process_tree_peak(const struct process_tree *tree);
/* This process, in µs. */
int64_t own_cpu(void);
#endif
