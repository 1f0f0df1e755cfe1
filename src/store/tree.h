/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree of files, its Merkle hash, and the table by which a later look at it is cheap.
 *
 * What counts: names, types, the executable bit, content, and the texts of symlinks. A tree holds folders, regular files and symlinks;
 * anything else, a set-id bit, a hard link to something outside, or a symlink that leads out of the tree (other than an absolute one to
 * an interpreter that the caller names) is refused with its path. Names are opaque bytes.
 *
 * The table holds, for each entry in the order of the walk, its hash and what statx(2) said: inode, size, mode, mtime and ctime. Content
 * cannot change without one of these changing (ctime is the kernel's), so equal means unchanged; what differs is read and hashed again,
 * and when the content is right after all (a copied home folder), the table is written anew.
 */
#pragma once

#include "base/error.h"
#include "policy/package.h"

#include <stdint.h>

struct tree_totals {
	uint8_t hash[PACKAGE_HASH];
	uint64_t files, bytes;
};
