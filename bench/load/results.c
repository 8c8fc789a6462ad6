#include "results.h"

#include "clock.h"

struct results results;

void results_mark(struct meters *meters, const struct process_tree *server) {
  *meters = results.now;
  meters->at = clock_ns();
  meters->server_cpu = process_tree_cpu(server);
  meters->own_cpu = own_cpu();
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar((unsigned char)*text < ' ' ? ' ' : *text);
  }
  putchar('"');
}

static void print_span(const struct meters *a, const struct meters *b) {
  printf("\"seconds\":%.3f,\"serverCpuUs\":%lld,\"loadCpuUs\":%lld", (double)(b->at - a->at) / 1e9,
         (long long)(b->server_cpu - a->server_cpu), (long long)(b->own_cpu - a->own_cpu));
}

#define DIFFERENCE(field) (unsigned long long)(results.to.field - results.from.field)

void results_print(void) {
  printf("{\"join\":{\"peers\":%d,", results.joined_peers);
  print_span(&results.begin, &results.joined);
  printf(",\"latencyUs\":");
  histogram_json(&results.join, stdout);
  printf("},\"measured\":{");
  print_span(&results.from, &results.to);
  printf(",\"sent\":%llu,\"delivered\":%llu,\"messagesIn\":%llu,\"messagesOut\":%llu,\"bytesIn\":%llu,\"bytesOut\":%llu",
         DIFFERENCE(sent), DIFFERENCE(delivered), DIFFERENCE(messages_in), DIFFERENCE(messages_out), DIFFERENCE(bytes_in),
         DIFFERENCE(bytes_out));
  printf(",\"latencyUs\":");
  histogram_json(&results.latency, stdout);
  printf(",\"lateUs\":");
  histogram_json(&results.late, stdout);
  printf("},\"total\":{\"sent\":%llu,\"delivered\":%llu,\"acks\":%llu,\"compressed\":%llu,\"disordered\":%llu,\"errors\":%llu,\"firstError\":",
         (unsigned long long)results.now.sent, (unsigned long long)results.now.delivered,
         (unsigned long long)results.now.acks,
         (unsigned long long)results.now.compressed, (unsigned long long)results.disordered,
         (unsigned long long)results.errors);
  print_text(results.first_error);
  printf("},\"rssKiB\":{\"before\":%lld,\"after\":%lld,\"peak\":%lld}}\n", (long long)results.rss_before,
         (long long)results.rss_after, (long long)results.rss_peak);
}
