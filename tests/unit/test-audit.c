/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The audit log's file: made, appended to, rotated, refused. */
#include "store/audit.h"
#include "base/json-out.h"
#include "base/fd.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static char dir[] = "/tmp/mcpcage-test-audit-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][300];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void write_event(struct audit *a, const char *value)
{
	CLEANUP_BUF struct buf line = BUF_INIT(65536);
	struct error err = { 0 };

	audit_begin(a, &line, "test");
	json_member_str(&line, "value", value);
	is_int(audit_end(a, &line, &err), 0, "a line is written");
}

static void appends(void)
{
	struct audit a, b;
	struct error err = { 0 };
	struct stat st;
	CLEANUP_BUF struct buf text = BUF_INIT(65536);
	const char *path = in_dir("a/b/audit.jsonl");

	is_int(audit_open(&a, path, &err), 0, "the log and its folders are made");
	is_int(audit_open(&b, path, &err), 0, "a second session opens it, too");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "mode 0600");
	ok(stat(in_dir("a/b"), &st) == 0 && (st.st_mode & 07777) == 0700, "its folder: 0700");
	write_event(&a, "one\n\"two\"\x1b[31m\xff");
	write_event(&b, "three");
	audit_close(&a);
	audit_close(&b);
	ok(strcmp(a.session, b.session) != 0, "sessions have names of their own");

	int fd = open(path, O_RDONLY);
	fd_read_all(fd, &text);
	close(fd);
	const char *s = buf_str(&text);
	ok(strstr(s, "\"value\":\"one\\n\\\"two\\\"\\u001b[31m\\ufffd\"}\n{") != NULL, "hostile text is escaped");
	ok(strstr(s, "\"value\":\"three\"}\n") != NULL, "the second session's line follows");
}

static void rotates(void)
{
	struct audit a;
	struct error err = { 0 };
	struct stat st;
	const char *path = in_dir("big.jsonl");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ok(ftruncate(fd, (off_t)AUDIT_ROTATE_BYTES) == 0, "a log of the largest size");
	close(fd);
	is_int(audit_open(&a, path, &err), 0, "it is opened");
	audit_close(&a);
	ok(stat(path, &st) == 0 && st.st_size == 0, "anew");
	ok(stat(in_dir("big.jsonl.1"), &st) == 0 && st.st_size == (off_t)AUDIT_ROTATE_BYTES, "and the old one is kept");
}

static void refuses(void)
{
	struct audit a;
	struct error err = { 0 };
	int fd = open(in_dir("open.jsonl"), O_WRONLY | O_CREAT, 0600);

	fchmod(fd, 0622);
	close(fd);
	is_int(audit_open(&a, in_dir("open.jsonl"), &err), -1, "a log that others can write is refused");
	ok(strstr(err.what, "open.jsonl") && err.hint[0], "with its name and a hint: %s", err.what);
	(void)!symlink(in_dir("big.jsonl"), in_dir("link.jsonl"));
	is_int(audit_open(&a, in_dir("link.jsonl"), &err), -1, "a symbolic link is refused");
	mkfifo(in_dir("pipe.jsonl"), 0600);
	is_int(audit_open(&a, in_dir("pipe.jsonl"), &err), -1, "a pipe is refused, and does not block");
	is_int(audit_open(&a, dir, &err), -1, "a folder is refused");
	is_int(audit_open(&a, NULL, &err), 0, "no path: off");
	CLEANUP_BUF struct buf line = BUF_INIT(4096);
	audit_begin(&a, &line, "test");
	is_int(audit_end(&a, &line, &err), 0, "and nothing is written");
}

int main(void)
{
	if (!mkdtemp(dir))
		bail_out("cannot make a folder");
	appends();
	rotates();
	refuses();
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
