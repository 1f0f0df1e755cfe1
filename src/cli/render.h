/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing what a server offers to a person, field by field, every byte of it readable and nothing of it effective. What is shown was
 * written by a server, so it is taken apart in a process of its own that is confined as the filter is and can only write to
 * the descriptor it is given.
 */
#pragma once

#include "base/error.h"
#include "policy/mediation.h"
#include "store/pins.h"

#include <stdbool.h>

enum render_what {
	RENDER_ITEMS,   /* all of `pins`, with marks where it differs from `against` */
	RENDER_CHANGES, /* `pins`: what is held; `against`: what is pinned. Only what differs */
};

struct render {
	enum render_what what;
	const struct pins *pins, *against;
	const struct mediation *mediation; /* which rules to mark hits of; NULL: none */
	bool json;
	const char *hash; /* goes into the JSON, or NULL */
	const char *name; /* of the server's pins, or NULL */
	int fd;
};

/* Print it. -1 also when the process that does it could not be confined or failed. */
int render(const struct render *r, struct error *err);
