/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: lexical work on strings, and opening below a root by openat2(2).
 */
#pragma once

#include "base/error.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The absolute PATH without ".", empty components and trailing slashes. ".." is resolved lexically, so call it
 * only where no symlink can be meant. NULL when PATH is not absolute or memory ran out. The caller frees.
 */
char *path_normalize(const char *path);

/* BASE "/" NAME, the caller frees; NULL when out of memory. NAME's leading slashes are dropped. */
char *path_join(const char *base, const char *name);

/* Whether PATH is DIR or lies below it. Both absolute and normalized. */
bool path_within(const char *path, const char *dir);

/* The last component; "/" for "/". Points into PATH. */
const char *path_base(const char *path);

/* openat2(2) with O_CLOEXEC. -1 with errno set. */
int path_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/*
 * Open PATH below the folder ROOTFD as if ROOTFD were "/": RESOLVE_IN_ROOT, and no magic links.
 * -1 with errno set.
 */
int path_open_in_root(int rootfd, const char *path, uint64_t flags);

/*
 * Make the folder PATH and its parents (mode 0755) below ROOTFD and return an O_PATH descriptor of it.
 * Symlinks on the way are refused, not followed: what is made here is ours alone.
 */
int path_mkdirs_in_root(int rootfd, const char *path, struct error *err);
