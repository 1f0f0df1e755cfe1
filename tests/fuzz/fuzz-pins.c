/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser of the pins' files, as it is read and with a sum that fits put behind it. What it takes is what pins_write() makes of it,
 * byte for byte: there is one way to write a set of pins.
 */
#include "store/pins.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t *data, size_t size, bool sum)
{
	CLEANUP(pins_free) struct pins p = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	CLEANUP_BUF struct buf copy = BUF_INIT(0);
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	buf_append(&text, data, size);
	if (sum) {
		uint8_t hash[ITEM_HASH];
		manifest_hash(buf_span(&text), hash);
		buf_puts(&text, "end ");
		for (size_t i = 0; i < ITEM_HASH; i++)
			buf_printf(&text, "%02x", hash[i]);
		buf_putc(&text, '\n');
	}
	buf_append(&copy, text.p, text.n);
	if (pins_parse(&text, &p, &err) < 0) {
		if (!err.what[0])
			abort();
		return;
	}
	for (size_t i = 0; i < p.n; i++)
		if (p.v[i].name.n > ITEM_NAME_MAX || p.v[i].content.n > ITEM_CONTENT_MAX || p.v[i].kind >= ITEM_KINDS ||
		    p.v[i].state >= PIN_STATES)
			abort();
	if (pins_write(&p, &out) < 0 || !span_eq(buf_span(&out), buf_span(&copy)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	take(data, size, false);
	take(data, size, true);
	return 0;
}
