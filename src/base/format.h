/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts made to a format, in memory of their own. */
#pragma once

/* The caller frees; NULL when out of memory, with nothing to free, which asprintf(3) does not promise. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
