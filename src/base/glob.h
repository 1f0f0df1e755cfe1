/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns of names, as people write them in policy: of tools, methods, rules. Pure; the work is bounded by pattern times name. */
#pragma once

#include <stdbool.h>

/* '*', '?' and '[...]' as in fnmatch(3) without flags, over bytes and in the C locale. */
bool glob_match(const char *pattern, const char *name);
