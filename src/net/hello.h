/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first message of a TLS connection, as far as it says for whom it is: the server name (RFC 6066, 3), and whether the real one
 * is hidden (RFC 9849). TLS 1.0 to 1.3 (RFC 8446, 4.1.2 and 5.1). Pure; a fuzz target.
 */
#pragma once

#include "policy/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes on the wire after which an unfinished ClientHello is none. */
#define HELLO_WIRE_MAX 16384

enum hello_result {
	HELLO_MORE,  /* all is well so far, and it is not complete */
	HELLO_NONE,  /* it is no TLS */
	HELLO_BAD,   /* it starts like TLS, and cannot be read: refuse it */
	HELLO_WHOLE,
};

struct hello {
	bool named; /* there is a server name */
	char name[HOST_NAME_SIZE]; /* canonical; "" when what is there is no host name */
	bool hidden; /* there is an encrypted ClientHello, or what looks like one */
};

/* P: the first N bytes of a connection. */
enum hello_result hello_read(const uint8_t *p, size_t n, struct hello *hello);
