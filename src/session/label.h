/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the server of a session is called where a person reads it: by policy or by its files, never by what
 * it says of itself; and what it can reach.
 */
#pragma once

#include "policy/plan.h"

#include <stddef.h>

void plan_label(char *to, size_t size, const struct plan *plan);

/* What the server of PLAN was granted, in one line: "writes /srv/notes; reads /srv/docs; no network". */
void plan_reach(char *to, size_t size, const struct plan *plan);
