/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs-verity (the kernel's Documentation/filesystems/fsverity.rst) for the files of a tree: once it is enabled, nobody can write to the
 * file again, its owner and root included, and what the disk gives back is checked at each read. It replaces nothing of the table, which
 * is what finds a file that was put in the place of another. ext4 with its feature "verity", f2fs and btrfs have it.
 *
 * Called by tree.c, with the file closed by everybody else. A file system without it is no error.
 */
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int tree_verity_enable(int fd)
{
	const struct fsverity_enable_arg arg = {
		.version = 1,
		.hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
		.block_size = (uint32_t)sysconf(_SC_PAGESIZE),
	};
	int rc;

	do
		rc = ioctl(fd, FS_IOC_ENABLE_VERITY, &arg);
	while (rc < 0 && errno == EINTR);
	if (rc == 0 || errno == EEXIST)
		return 1;
	switch (errno) {
	case ENOTTY:       /* no such call in this file system */
	case EOPNOTSUPP:   /* nor in this kernel, or not switched on for this file system */
	case EINVAL:       /* not with this size of blocks */
	case EKEYREJECTED: /* only with a signature: fs.verity.require_signatures */
	case ENOSYS:
	case EPERM:
		return 0;
	default:
		return -1;
	}
}

bool tree_verity_has(int folder, const char *path)
{
	struct statx st;

	/* musl has had the wrapper for no longer than since 1.2.5. */
	return syscall(SYS_statx, folder, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_VERITY) && S_ISREG(st.stx_mode);
}

uint64_t tree_verity_count(int fd, const struct tree_table *table)
{
	uint64_t n = 0;

	for (size_t i = 1; i < table->n; i++)
		n += S_ISREG(table->entries[i].mode) && tree_verity_has(fd, table->names + table->entries[i].name);
	return n;
}
