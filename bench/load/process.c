#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What stands behind the name of the process in /proc/<pid>/stat, from field 3 on: the name may hold spaces. */
static char *read_stat(int pid, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  size_t length = fread(text, 1, size - 1, file);
  fclose(file);
  text[length] = 0;
  char *name = strrchr(text, ')');
  return name ? name + 2 : NULL;
}

static int parent_of(int pid) {
  char text[1024];
  const char *fields = read_stat(pid, text, sizeof text);
  int parent = 0;
  return fields && sscanf(fields, "%*c %d", &parent) == 1 ? parent : 0;
}

static int contains(const struct process_tree *tree, int pid) {
  for (int i = 0; i < tree->count; i++)
    if (tree->pids[i] == pid) return 1;
  return 0;
}

void process_tree_add(struct process_tree *tree, int pid) {
  if (tree->count < MAX_PROCESSES && !contains(tree, pid)) tree->pids[tree->count++] = pid;
  /* A child has a higher pid than its parent unless the numbers wrapped: a second pass finds those. */
  for (int pass = 0; pass < 2; pass++) {
    DIR *proc = opendir("/proc");
    if (!proc) return;
    for (struct dirent *entry; (entry = readdir(proc));) {
      int candidate = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
      if (!candidate || contains(tree, candidate) || tree->count == MAX_PROCESSES) continue;
      if (contains(tree, parent_of(candidate))) tree->pids[tree->count++] = candidate;
    }
    closedir(proc);
  }
}

int64_t process_tree_cpu(const struct process_tree *tree) {
  int64_t ticks = 0;
  for (int i = 0; i < tree->count; i++) {
    char text[1024];
    const char *fields = read_stat(tree->pids[i], text, sizeof text);
    long long user = 0, system = 0;
    if (fields && sscanf(fields, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system) == 2)
      ticks += user + system;
  }
  return ticks * (1000000 / sysconf(_SC_CLK_TCK));
}

static int64_t status_kib(const struct process_tree *tree, const char *name) {
  int64_t sum = 0;
  for (int i = 0; i < tree->count; i++) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", tree->pids[i]);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    while (fgets(line, sizeof line, file))
      if (strncmp(line, name, strlen(name)) == 0) sum += atoll(line + strlen(name));
    fclose(file);
  }
  return sum;
}

int64_t process_tree_rss(const struct process_tree *tree) { return status_kib(tree, "VmRSS:"); }
int64_t process_tree_peak(const struct process_tree *tree) { return status_kib(tree, "VmHWM:"); }

int64_t own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ll + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}
