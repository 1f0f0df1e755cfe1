/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Floor 0: errors, buffers, JSON output, paths, lists, descriptors. */
#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json-out.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sort.h"
#include "base/spin.h"
#include "base/strlist.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static void errors(void)
{
	struct error e = { 0 };
	char longer[2000];

	is_int(error_set(&e, ENOENT, "cannot open %s", "/x"), -1, "error_set returns -1");
	is_str(e.what, "cannot open /x: No such file or directory", "what failed, on which object, why");
	error_hint(&e, "try %d", 2);
	is_str(e.hint, "try 2", "the hint");
	error_prefix(&e, "in %s", "policy.json");
	is_str(e.what, "in policy.json: cannot open /x: No such file or directory", "a prefix");
	is_int(error_exit_status(&e), 125, "set-up: 125");
	error_kind(&e, ERROR_CANNOT_RUN);
	is_int(error_exit_status(&e), 126, "cannot run: 126");
	error_kind(&e, ERROR_NOT_FOUND);
	is_int(error_exit_status(&e), 127, "not found: 127");

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	error_set(&e, EPERM, "%s", longer);
	is_int((long)strlen(e.what), (long)sizeof e.what - 1, "a long text is cut");
	is_str(e.what + sizeof e.what - 4, "...", "and says so");
	is_str(e.hint, "", "error_set clears the hint");
	error_prefix(&e, "%s", longer);
	is_str(e.what + sizeof e.what - 4, "...", "so is a long prefix");
	is_int(error_set(NULL, 0, "x"), -1, "no object is fine");
}

static void buffers(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(10);

	is_int(buf_puts(&b, "12345"), 0, "append");
	is_int(buf_append(&b, "67890", 5), 0, "up to the ceiling");
	is_int(buf_putc(&b, 'x'), -1, "not past it");
	ok(b.full && b.n == 10, "which shows, and the content stays");
	is_str(buf_str(&b), "1234567890", "terminated");
	buf_consume(&b, 4);
	is_str(buf_str(&b), "567890", "the beginning is dropped");
	is_int(buf_printf(&b, "%d", 12345), -1, "printf respects the ceiling");
	is_str(buf_str(&b), "567890", "and leaves the content");
	buf_clear(&b);
	is_int(buf_printf(&b, "%s-%d", "a", 7), 0, "printf");
	is_str(buf_str(&b), "a-7", "its text");
	is_int(buf_reserve(&b, SIZE_MAX), -1, "no overflow");
}

static const char *json_of(struct buf *b, const char *p, size_t n)
{
	buf_clear(b);
	json_string(b, (struct span){ p, n });
	return buf_str(b);
}

static void json(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);

	is_str(json_of(&b, "a\"\\\n\r\t\x01\x7f/", 9), "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f/\"", "ASCII escapes");
	is_str(json_of(&b, "a\0b", 3), "\"a\\u0000b\"", "NUL");
	is_str(json_of(&b, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
	       "UTF-8 passes");
	is_str(json_of(&b, "\xe2\x80\xa8", 3), "\"\\u2028\"", "line separators are escaped");
	is_str(json_of(&b, "\xc0\xaf", 2), "\"\\ufffd\\ufffd\"", "overlong forms are replaced");
	is_str(json_of(&b, "\xed\xa0\x80", 3), "\"\\ufffd\\ufffd\\ufffd\"", "surrogates are replaced");
	is_str(json_of(&b, "\xf4\x90\x80\x80", 4), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"", "beyond U+10FFFF is replaced");
	is_str(json_of(&b, "\xe2\x82", 2), "\"\\ufffd\\ufffd\"", "a cut sequence is replaced");

	buf_clear(&b);
	buf_putc(&b, '{');
	json_member_str(&b, "a", "1");
	json_member_str(&b, "n", NULL);
	json_member_u64(&b, "u", UINT64_MAX);
	json_member_i64(&b, "i", INT64_MIN);
	json_member_bool(&b, "t", true);
	buf_putc(&b, '}');
	is_str(buf_str(&b), "{\"a\":\"1\",\"n\":null,\"u\":18446744073709551615,\"i\":-9223372036854775808,\"t\":true}",
	       "members and commas");
}

static void normalize(const char *in, const char *out)
{
	CLEANUP_FREE char *got = path_normalize(in);

	if (!out)
		ok(got == NULL, "\"%s\" is not absolute", in);
	else
		is_str(got ? got : "(null)", out, "\"%s\" normalized", in);
}

static void paths(void)
{
	normalize("/", "/");
	normalize("//a/./b//c/", "/a/b/c");
	normalize("/a/../..", "/");
	normalize("/a/../../b/c/..", "/b");
	normalize("/..a/b..", "/..a/b..");
	normalize("a/b", NULL);
	normalize("", NULL);

	ok(path_within("/a/b", "/a"), "below");
	ok(path_within("/a", "/a"), "itself");
	ok(!path_within("/ab", "/a"), "not a sibling that starts alike");
	ok(!path_within("/a", "/a/b"), "not above");
	ok(path_within("/a", "/"), "everything is below the root");

	CLEANUP_FREE char *joined = path_join("/a/", "/b");
	is_str(joined, "/a/b", "join");
	is_str(path_base("/a/b"), "b", "the last component");
	is_str(path_base("/"), "/", "of the root");
}

static void in_root(void)
{
	char dir[] = "/tmp/mcpcage-test-base-XXXXXX";
	char path[300];
	struct error err = { 0 };

	if (!mkdtemp(dir))
		bail_out("cannot make a folder");
	int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = path_mkdirs_in_root(root, "/a/b/c", &err);
	ok(fd >= 0, "folders are made");
	close(fd);
	snprintf(path, sizeof path, "%s/a/b/c", dir);
	ok(access(path, F_OK) == 0, "where they belong");
	snprintf(path, sizeof path, "%s/a/link", dir);
	ok(symlink("/etc", path) == 0, "a symbolic link on the way");
	is_int(path_mkdirs_in_root(root, "/a/link/x", &err), -1, "is refused");
	ok(strstr(err.what, "link") != NULL, "with its name: %s", err.what);
	fd = path_open_in_root(root, "/a/link", O_PATH);
	ok(fd < 0, "the root's links end in the root: /etc is not there");
	snprintf(path, sizeof path, "%s/etc", dir);
	mkdir(path, 0755);
	fd = path_open_in_root(root, "/a/link/../etc", O_PATH);
	ok(fd >= 0, "and are followed inside it");
	close(fd);

	is_int(fd_write_file_atomic(root, "a/file", "text", 4, 0600, &err), 0, "a file is written");
	is_int(fd_write_file_atomic(root, "a/file", "other", 5, 0600, &err), 0, "and replaced");
	snprintf(path, sizeof path, "%s/a/file", dir);
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	fd = open(path, O_RDONLY);
	is_int(fd_read_all(fd, &b), 0, "read back");
	close(fd);
	is_str(buf_str(&b), "other", "its content");
	is_int(fd_write_file_atomic(root, "none/file", "x", 1, 0600, &err), -1, "no folder, no file");
	close(root);
	char command[400];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	is_int(system(command), 0, "nothing else was left in the folder");
}

static void descriptors(void)
{
	int open_ones = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)dup2(0, 100);
		(void)dup2(0, 101);
		if (fd_close_from(3) < 0)
			_exit(1);
		for (int fd = 3; fd < 200; fd++)
			open_ones += fcntl(fd, F_GETFD) >= 0;
		close(0);
		struct error err;
		if (fd_ensure_std(&err) < 0 || fcntl(0, F_GETFD) < 0)
			_exit(2);
		_exit(open_ones ? 3 : 0);
	}
	int status;
	waitpid(pid, &status, 0);
	is_int(status, 0, "close_from closes all; a closed standard stream becomes /dev/null");
}

static void log_lines(void)
{
	int p[2];
	char text[PIPE_BUF + 1] = "";

	ok(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe");
	struct log log = { .fd = p[1], .level = LOG_NORMAL };
	log_line(&log, "name: %s", "a\x1b[2Jb\nc\xc2\x9b");
	log_detail(&log, "not shown");
	ssize_t n = read(p[0], text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	is_str(text, "mcpcage: name: a\\x1b[2Jb\\x0ac\\xc2\\x9b\n", "control characters cannot drive a terminal");
	while (write(p[1], text, 1) == 1)
		;
	log_line(&log, "nobody reads");
	pass("a full pipe does not stop the logger");
	close(p[0]);
	close(p[1]);
}

static void lists(void)
{
	CLEANUP_STRLIST struct strlist a = { 0 }, b = { 0 };

	for (int i = 0; i < 100; i++) {
		char text[10];
		snprintf(text, sizeof text, "%d", i);
		if (strlist_add(&a, text) < 0)
			fail("add");
	}
	ok(a.n == 100 && a.v[100] == NULL, "a list ends in NULL, like an argv");
	ok(strlist_has(&a, "57") && !strlist_has(&a, "x"), "has");
	ok(strlist_copy(&b, &a) == 0 && b.n == 100 && b.v[3] != a.v[3], "a copy has strings of its own");
}

static int by_key(const void *a, const void *b, void *context)
{
	const unsigned *x = a, *y = b;

	(*(unsigned long *)context)++;
	return x[0] != y[0] ? (x[0] < y[0] ? -1 : 1) : x[1] < y[1] ? -1 : x[1] > y[1];
}

static bool in_order(unsigned (*v)[3], size_t n)
{
	unsigned long unused = 0;
	bool whole = true;

	for (size_t i = 0; i < n; i++) {
		whole = whole && v[i][2] == (v[i][0] ^ v[i][1]);
		if (i > 0 && by_key(v[i - 1], v[i], &unused) > 0)
			return false;
	}
	return whole;
}

static void sorting(void)
{
	static unsigned v[5000][3];
	static const char *const kinds[] = { "random", "few values", "in order", "in reverse", "almost in order" };
	unsigned random = 12345;

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		bool good = true;
		unsigned long compared = 0;
		for (size_t n = 0; n <= ARRAY_SIZE(v); n = n < 40 ? n + 1 : n * 3) {
			for (unsigned i = 0; i < n; i++) {
				random = random * 1664525u + 1013904223u;
				v[i][0] = kind == 0 ? random >> 8 : kind == 1 ? random >> 30 : kind == 3 ? 9999 - i : i;
				v[i][1] = i;
				v[i][2] = v[i][0] ^ v[i][1];
			}
			if (kind == 4 && n > 0)
				v[n / 2][0] = 0, v[n / 2][2] = v[n / 2][1];
			compared = 0;
			sort_in_place(v, n, sizeof v[0], by_key, &compared);
			good = good && in_order(v, n) && compared <= n * 32;
		}
		ok(good, "sorting: %s", kinds[kind]);
	}
}

static void spinning(void)
{
	struct spin spin = { 0 };

	spin_begin(&spin);
	ok(!spin_on(&spin), "nobody looks again before it has paid off");
	spin.since -= SPIN_WINDOW;
	spin_end(&spin);
	spin_begin(&spin);
	ok(!spin_on(&spin), "nor after a wait that was long");
	spin_end(&spin);
	/* However slow the machine is: as if the wait had just begun. */
	spin_begin(&spin);
	spin.since += SPIN_WINDOW * 1000000;
	spin_end(&spin);
	ok(!spin.pays_off, "a clock that goes backwards is no short wait");
	spin.pays_off = true;
	spin_begin(&spin);
	for (unsigned looks = 0; spin_on(&spin); looks++)
		if (looks > 100000000)
			break;
	spin_end(&spin);
	ok(!spin.pays_off, "looking ends with the window, and does not begin again by itself");
}

int main(void)
{
	errors();
	buffers();
	json();
	paths();
	in_root();
	descriptors();
	log_lines();
	lists();
	sorting();
	spinning();
	return done_testing();
}
