/* What a server compresses with permessage-deflate (RFC 7692). */
#ifndef INFLATE_H
#define INFLATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

struct inflater;

/* What browsers offer. */
#define DEFLATE_OFFER "permessage-deflate; client_max_window_bits"
/* Reads the answer to the offer, the head of a 101; NULL when the server declined. */
struct inflater *inflater_new(const uint8_t *head, size_t size);
/* One whole message; the result is valid until the next call. False when it does not inflate. */
bool inflater_read(struct inflater *inflater, const uint8_t *bytes, size_t size, struct buffer *out);
#endif
