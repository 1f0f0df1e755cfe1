/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: a file to which each session appends one JSON object a line. Only the monitor writes to it. Several
 * sessions may share a file: each line is one write(2) with O_APPEND.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

/* A file that has grown past this is renamed to NAME.1 (replacing an older one) when a session opens it. */
#define AUDIT_ROTATE_BYTES ((uint64_t)32 << 20)

struct audit {
	int fd;           /* -1: off */
	char session[17]; /* random, in each line */
};

#define AUDIT_OFF { .fd = -1 }

/*
 * Open PATH for appending, made with mode 0600 in a folder that exists or can be made (0700). Refused when it is no
 * regular file, belongs to somebody else or can be written by others. PATH NULL: off.
 */
int audit_open(struct audit *audit, const char *path, struct error *err);

/* "{", the time, the session and EVENT: the start of a line; the caller appends members. */
void audit_begin(const struct audit *audit, struct buf *line, const char *event);
/* Close the object and write the line. 0 also when off. */
int audit_end(const struct audit *audit, struct buf *line, struct error *err);

void audit_close(struct audit *audit);
