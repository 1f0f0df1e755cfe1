/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's parser of records: whatever filter or init send, it takes whole, terminated, in-range records or
 * refuses, and never reads past the packet.
 */
#include "session/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Terminated, and nothing in it that a terminal obeys. */
static bool for_people(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n < size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union record r;
	size_t at = 0, before = 0;
	int more;

	if (size > RECORD_PACKET_MAX)
		return 0;
	while ((more = record_next(data, size, &at, &r)) > 0) {
		if (at <= before || at > size || at - before != record_size(r.head.type))
			abort();
		if (r.head.type == RECORD_CALL && (strlen(r.call.name) >= sizeof r.call.name || r.call.end >= CALL_ENDS_))
			abort();
		if (r.head.type == RECORD_REFUSED && !drop_text(r.refused.why)[0])
			abort();
		if (r.head.type == RECORD_ITEM && (r.item.n > RECORD_CHUNK || r.item.offset + (uint64_t)r.item.n > r.item.total ||
						   strlen(r.item.name) > ITEM_NAME_MAX || !item_kind_name((enum item_kind)r.item.kind)))
			abort();
		if (r.head.type == RECORD_ASK && !for_people(r.ask.arguments, sizeof r.ask.arguments))
			abort();
		before = at;
	}
	if (more == 0 && at != size)
		abort();
	return 0;
}
