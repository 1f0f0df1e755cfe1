/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleanup attributes: what a function acquired is released on every way out of it.
 * A pointer or descriptor that is handed on is set to NULL or -1 first (TAKE_PTR, TAKE_FD).
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <unistd.h>

static inline void cleanup_free_(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_fclose_(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define CLEANUP_FREE   __attribute__((cleanup(cleanup_free_)))
#define CLEANUP_CLOSE  __attribute__((cleanup(cleanup_close_)))
#define CLEANUP_FCLOSE __attribute__((cleanup(cleanup_fclose_)))
#define CLEANUP(fn)    __attribute__((cleanup(fn)))

#define TAKE_PTR(p)                  \
	({                               \
		__typeof__(p) taken_ = (p);  \
		(p) = NULL;                  \
		taken_;                      \
	})

static inline int TAKE_FD(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
