/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file "approvals" in the folder of a server's pins: a head that says format, size of an entry and number, and the
 * entries as they are in memory. The file stays on its machine; on one of the other byte order its head does not match.
 * Everything read is checked: sizes, terminated names, flags.
 */
#include "store/approvals.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "approvals";
static const char lock_name[] = "approvals.lock";

struct head {
	char magic[16];
	uint32_t entry_size, n;
};
static const char magic[16] = "mcpcage-ask-1\n";

bool approval_is_use(const struct approval *a)
{
	static const uint8_t none[sizeof a->scope];

	return memcmp(a->scope, none, sizeof none) == 0;
}

void approvals_free(struct approvals *a)
{
	free(a->v);
	*a = (struct approvals){ 0 };
}

struct approval *approvals_find(const struct approvals *a, const char *tool, const uint8_t scope[32])
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].tool, tool) == 0 && memcmp(a->v[i].scope, scope, 32) == 0)
			return &a->v[i];
	return NULL;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static int spoilt(const char *folder, const char *why, struct error *err)
{
	error_set(err, 0, "%s/%s %s", folder, name, why);
	return error_hint(err, "remove it; what it allowed is asked again");
}

static bool entry_valid(const struct approval *a)
{
	return a->tool[0] && memchr(a->tool, '\0', sizeof a->tool) && a->through_client <= 1;
}

static int take(const char *folder, const struct buf *content, struct approvals *out, struct error *err)
{
	struct head head;

	if (content->n < sizeof head)
		return spoilt(folder, "is cut off", err);
	memcpy(&head, content->p, sizeof head);
	if (memcmp(head.magic, magic, sizeof magic) != 0 || head.entry_size != sizeof *out->v)
		return spoilt(folder, "was written by another version of mcpcage", err);
	if (head.n > APPROVALS_MAX || content->n != sizeof head + head.n * sizeof *out->v)
		return spoilt(folder, "does not have the size it should have", err);
	if (head.n == 0)
		return 0;
	out->v = calloc(head.n, sizeof *out->v);
	if (!out->v)
		return error_oom(err);
	memcpy(out->v, content->p + sizeof head, head.n * sizeof *out->v);
	out->n = head.n;
	for (size_t i = 0; i < out->n; i++) {
		if (entry_valid(&out->v[i]))
			continue;
		approvals_free(out);
		return spoilt(folder, "has an entry that cannot be", err);
	}
	return 0;
}

/* 0 and *FD -1: there is none. */
static int open_file(const char *folder, int *fd, struct error *err)
{
	CLEANUP_FREE char *path = path_join(folder, name);
	struct stat st;

	if (!path)
		return error_oom(err);
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT)
		return 0;
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return error_set(err, errno, "cannot open %s", path);
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	error_set(err, 0, "%s is no regular file of the user's own that nobody else can write", path);
	return error_hint(err, "chown it to yourself and chmod go-w it, or remove it");
}

int approvals_load(const char *folder, struct approvals *out, struct error *err)
{
	CLEANUP_BUF struct buf content = BUF_INIT(sizeof(struct head) + APPROVALS_MAX * sizeof(struct approval));
	CLEANUP_CLOSE int fd = -1;

	*out = (struct approvals){ 0 };
	if (open_file(folder, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (fd_read_all(fd, &content) < 0) {
		if (errno == EFBIG)
			return spoilt(folder, "is too large", err);
		return error_set(err, errno, "cannot read %s/%s", folder, name);
	}
	return take(folder, &content, out, err);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int make_folder(const char *folder, struct error *err)
{
	CLEANUP_FREE char *path = strdup(folder);

	if (!path)
		return error_oom(err);
	for (char *p = path + 1;; p++) {
		char c = *p;
		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make the folder %s", path);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

/* Other sessions of the same server hold it for the time of one write. Milliseconds. */
#define PATIENCE 2000

static int lock(const char *folder, int *fd, struct error *err)
{
	CLEANUP_FREE char *path = path_join(folder, lock_name);

	if (!path)
		return error_oom(err);
	*fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (*fd < 0)
		return error_set(err, errno, "cannot open %s", path);
	if (fd_lock(*fd, LOCK_EX, PATIENCE) < 0)
		return error_set(err, errno, "cannot lock %s", path);
	return 0;
}

static int save(const char *folder, const struct approvals *a, struct error *err)
{
	CLEANUP_FREE char *path = path_join(folder, name);
	CLEANUP_BUF struct buf content = BUF_INIT(0);
	struct head head = { .entry_size = sizeof *a->v, .n = (uint32_t)a->n };

	if (!path)
		return error_oom(err);
	memcpy(head.magic, magic, sizeof magic);
	buf_append(&content, &head, sizeof head);
	if (a->n)
		buf_append(&content, a->v, a->n * sizeof *a->v);
	if (content.full)
		return error_oom(err);
	return fd_write_file_atomic(AT_FDCWD, path, content.p, content.n, 0600, err);
}

static void drop(struct approvals *a, size_t i)
{
	memmove(&a->v[i], &a->v[i + 1], (a->n - i - 1) * sizeof *a->v);
	a->n--;
}

static int put(struct approvals *a, const struct approval *add, struct error *err)
{
	struct approval *at = approvals_find(a, add->tool, add->scope);

	if (at) {
		int64_t since = at->since;
		bool goes_on = approval_is_use(at) && memcmp(at->pin, add->pin, sizeof at->pin) == 0;
		*at = *add;
		if (goes_on)
			at->since = since;
		return 0;
	}
	if (a->n == APPROVALS_MAX)
		return error_set(err, 0, "more than %d approvals of one server cannot be kept", APPROVALS_MAX);
	struct approval *grown = reallocarray(a->v, a->n + 1, sizeof *grown);
	if (!grown)
		return error_oom(err);
	a->v = grown;
	a->v[a->n++] = *add;
	return 0;
}

int approvals_add(const char *folder, const struct approval *v, size_t n, int64_t now, struct error *err)
{
	CLEANUP(approvals_free) struct approvals all = { 0 };
	CLEANUP_CLOSE int held = -1;

	if (make_folder(folder, err) < 0 || lock(folder, &held, err) < 0 || approvals_load(folder, &all, err) < 0)
		return -1;
	for (size_t i = all.n; i-- > 0;)
		if (!approval_is_use(&all.v[i]) && all.v[i].until <= now)
			drop(&all, i);
	for (size_t i = 0; i < n; i++)
		if (put(&all, &v[i], err) < 0)
			return -1;
	return save(folder, &all, err);
}

int approvals_revoke(const char *folder, const char *tool, bool use, size_t *count, struct error *err)
{
	CLEANUP(approvals_free) struct approvals all = { 0 };
	CLEANUP_CLOSE int held = -1;

	*count = 0;
	if (access(folder, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (lock(folder, &held, err) < 0 || approvals_load(folder, &all, err) < 0)
		return -1;
	for (size_t i = all.n; i-- > 0;) {
		if ((tool && strcmp(all.v[i].tool, tool) != 0) || (approval_is_use(&all.v[i]) && !use))
			continue;
		drop(&all, i);
		(*count)++;
	}
	return *count ? save(folder, &all, err) : 0;
}

bool approval_stands(const struct approval *a, const uint8_t pin[32], int64_t now)
{
	return a && !approval_is_use(a) && a->since <= now && now < a->until && memcmp(a->pin, pin, sizeof a->pin) == 0;
}
