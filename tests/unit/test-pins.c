/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the pins: what is written is read, what is damaged is refused, and whoever is killed loses nothing. */
#include "base/fd.h"
#include "base/path.h"
#include "store/pins.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char root[] = "/tmp/mcpcage-test-pins-XXXXXX";
static struct error err;

static char *folder(const char *name)
{
	return path_join(root, name);
}

static void remove_all(const char *dir)
{
	char command[300];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	if (system(command) != 0)
		diag("cannot remove %s", dir);
}

static void add(struct pins *p, enum item_kind kind, enum pin_state state, const char *name, struct span content)
{
	struct pin pin = { .kind = kind, .state = state, .name = span_of(name), .content = content };

	if (state != PIN_GONE)
		manifest_hash(content, pin.hash);
	if (!pins_add(p, &pin))
		fail("add %s", name);
}

static void example(struct pins *p)
{
	*p = (struct pins){ .generation = 3, .time = 1700000000, .decided = DECIDED_ROLLBACK, .from = 1 };
	strcpy(p->command, "/usr/bin/x 100% \n");
	p->closed[ITEM_TOOL] = true;
	add(p, ITEM_IDENTITY, PIN_SEEN, "initialize", SPAN("{\"name\":\"s\"}"));
	add(p, ITEM_TOOL, PIN_REVIEWED, "read file\n%\303\251", SPAN("{\"a\":\"\\nitem tool seen\"}"));
	add(p, ITEM_TOOL, PIN_CHANGED, "b", SPAN("x\nend 00\n\0y"));
	add(p, ITEM_TOOL, PIN_GONE, "g", (struct span){ "", 0 });
}

static int parse(const char *bytes, size_t n, struct pins *p)
{
	struct buf text = { 0 };

	*p = (struct pins){ 0 };
	buf_append(&text, bytes, n);
	int r = pins_parse(&text, p, &err);
	buf_free(&text);
	return r;
}

static void format(void)
{
	struct pins p, q;
	struct buf out = { 0 };

	example(&p);
	is_int(pins_write(&p, &out), 0, "a set is written");
	is_int(parse(out.p, out.n, &q), 0, "and read: %s", err.what);
	is_int(q.generation, 3, "its generation");
	is_int(q.time, 1700000000, "its time");
	ok(q.decided == DECIDED_ROLLBACK && q.from == 1, "how it was decided");
	is_str(q.command, p.command, "the command");
	ok(q.closed[ITEM_TOOL] && !q.closed[ITEM_PROMPT], "which lists are closed");
	is_int(q.n, p.n, "all items");
	for (size_t i = 0; i < q.n; i++) {
		ok(q.v[i].kind == p.v[i].kind && q.v[i].state == p.v[i].state, "item %zu", i);
		is_mem(q.v[i].name.p, q.v[i].name.n, p.v[i].name.p, p.v[i].name.n, "its name");
		is_mem(q.v[i].content.p, q.v[i].content.n, p.v[i].content.p, p.v[i].content.n, "its content");
	}
	pins_free(&q);

	int taken = 0;
	for (size_t i = 0; i < out.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			out.p[i] ^= (char)(1 << bit);
			taken += parse(out.p, out.n, &q) == 0;
			pins_free(&q);
			out.p[i] ^= (char)(1 << bit);
		}
	is_int(taken, 0, "no file with one bit changed is taken");
	for (size_t n = 0; n < out.n; n++) {
		taken += parse(out.p, n, &q) == 0;
		pins_free(&q);
	}
	is_int(taken, 0, "none that is cut off");
	buf_putc(&out, '\n');
	is_int(parse(out.p, out.n, &q), -1, "none with a byte behind its end");
	pins_free(&q);
	pins_free(&p);
	buf_free(&out);
}

/* With a sum that fits, what is said inside still has to be right. */
static void forged(void)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "mcpcage pins 1", "mcpcage pins 2" },
		{ "generation 3", "generation 03" },
		{ "generation 3", "generation -3" },
		{ "generation 3", "generation 99999999999999999999" },
		{ "time 17", "time x17" },
		{ "decided rollback", "decided whatever" },
		{ "closed tool", "closed tools" },
		{ "items 4", "items 3" },
		{ "items 4", "items 5" },
		{ "items 4", "items 4294967296" },
		{ "item tool reviewed", "item file reviewed" },
		{ "item tool reviewed", "item tool review" },
		{ " 12 initialize", " 13 initialize" },
		{ " 12 initialize", " 11 initialize" },
		{ " 12 initialize", " 999999 initialize" },
		{ " 12 initialize", " 12 init%4" },
		{ " 12 initialize", " 12 init%zz" },
		{ "{\"name\":\"s\"}", "{\"name\":\"t\"}" },
	};

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct pins p, q;
		struct buf out = { 0 }, text = { 0 };
		uint8_t sum[ITEM_HASH];
		example(&p);
		pins_write(&p, &out);
		const char *at = memmem(out.p, out.n, changes[i].from, strlen(changes[i].from));
		size_t body = out.n - (4 + 2 * ITEM_HASH + 1);
		buf_append(&text, out.p, (size_t)(at - out.p));
		buf_puts(&text, changes[i].to);
		at += strlen(changes[i].from);
		buf_append(&text, at, body - (size_t)(at - out.p));
		manifest_hash(buf_span(&text), sum);
		buf_puts(&text, "end ");
		for (size_t k = 0; k < ITEM_HASH; k++)
			buf_printf(&text, "%02x", sum[k]);
		buf_putc(&text, '\n');
		is_int(parse(text.p, text.n, &q), -1, "\"%s\" for \"%s\" is refused: %s", changes[i].to, changes[i].from, err.what);
		pins_free(&q);
		pins_free(&p);
		buf_free(&out);
		buf_free(&text);
	}
}

static void one_tool(struct pins *p, const char *name)
{
	*p = (struct pins){ 0 };
	add(p, ITEM_TOOL, PIN_SEEN, name, SPAN("{}"));
}

static void generations(void)
{
	CLEANUP_FREE char *dir = folder("a/b/server");
	struct pins p, q = { 0 };
	uint64_t *numbers;
	size_t n;

	is_int(pins_read(dir, "current", &q, &err), 0, "nothing is there at first");
	int lock = pins_lock(dir, &err);
	ok(lock >= 0, "the folder is made with the lock: %s", lock < 0 ? err.what : "");
	is_int(pins_read(dir, "current", &q, &err), 0, "a lock is no pin");
	for (int i = 1; i <= 3; i++) {
		char name[10];
		snprintf(name, sizeof name, "t%d", i);
		one_tool(&p, name);
		is_int(pins_commit(dir, &p, &err), 0, "generation %d is written", i);
		is_int(p.generation, i, "under its number");
		pins_free(&p);
	}
	is_int(pins_history(dir, &numbers, &n, &err), 0, "the history");
	ok(n == 2 && numbers[0] == 1 && numbers[1] == 2, "has the two before");
	free(numbers);
	is_int(pins_read(dir, "current", &q, &err), 1, "the current one");
	is_span(q.v[0].name, "t3", "is the last");
	add(&q, ITEM_TOOL, PIN_SEEN, "more", SPAN("{}"));
	is_int(pins_extend(dir, &q, &err), 0, "something is added at first sight");
	pins_free(&q);
	is_int(pins_read(dir, "current", &q, &err), 1, "it is there");
	ok(q.generation == 3 && q.n == 2, "in the same generation");
	pins_free(&q);
	is_int(pins_read_generation(dir, 1, &q, &err), 1, "an old one");
	is_span(q.v[0].name, "t1", "has what it had");
	q.decided = DECIDED_ROLLBACK;
	q.from = 1;
	is_int(pins_commit(dir, &q, &err), 0, "becomes the current one");
	is_int(q.generation, 4, "under a new number");
	pins_free(&q);
	is_int(pins_read_generation(dir, 3, &q, &err), 1, "and the one before is kept");
	is_int(q.n, 2, "as it was");
	pins_free(&q);

	one_tool(&p, "h");
	is_int(pins_write_held(dir, &p, &err), 0, "what is held is written");
	is_int(pins_read(dir, "held", &q, &err), 1, "and read");
	pins_free(&q);
	p.n = 0;
	is_int(pins_write_held(dir, &p, &err), 0, "nothing held");
	is_int(pins_read(dir, "held", &q, &err), 0, "is no file");
	pins_free(&p);
	close(lock);

	/* damage */
	CLEANUP_FREE char *current = path_join(dir, "current");
	ok(unlink(current) == 0, "the current file is gone");
	is_int(pins_read(dir, "current", &q, &err), -1, "which is no first use");
	ok(strstr(err.what, "missing") && strstr(err.hint, "rollback"), "and is told with the remedy: %s", err.hint);
	struct buf text = { 0 };
	is_int(pins_load_text(dir, &text, &err), -1, "also when a session starts");
	int fd = open(current, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	is_int(pins_read(dir, "current", &q, &err), -1, "an empty file neither");
	ok(strstr(err.what, current), "the file is named: %s", err.what);
	chmod(current, 0666);
	is_int(pins_read(dir, "current", &q, &err), -1, "nor one that others may write");
	chmod(current, 0600);
	unlink(current);
	ok(symlink("1.pins", current) == 0 && pins_read(dir, "current", &q, &err) == -1, "nor a symlink");
	unlink(current);
	ok(mkfifo(current, 0600) == 0 && pins_read(dir, "current", &q, &err) == -1, "nor a pipe, and nobody waits for it");
	unlink(current);
	is_int(pins_forget(dir, &err), 0, "the pins are removed");
	is_int(pins_read(dir, "current", &q, &err), 0, "and it is first use again");
	chmod(dir, 0777);
	is_int(pins_read(dir, "current", &q, &err), -1, "a folder that others may write is refused");
	chmod(dir, 0700);
	buf_free(&text);
}

#define WRITERS 6
#define ROUNDS 30

/* Each adds items of its own, as sessions that start at once do. */
static void together(void)
{
	CLEANUP_FREE char *dir = folder("together");
	pid_t pids[WRITERS];
	struct pins q = { 0 };

	for (int w = 0; w < WRITERS; w++) {
		pids[w] = tap_fork();
		if (pids[w] != 0)
			continue;
		for (int i = 0; i < ROUNDS; i++) {
			struct pins p = { 0 };
			char name[30];
			snprintf(name, sizeof name, "%d.%d", w, i);
			int lock = pins_lock(dir, &err);
			if (lock < 0 || pins_read(dir, "current", &p, &err) < 0)
				_exit(1);
			add(&p, ITEM_TOOL, PIN_SEEN, name, SPAN("{}"));
			p.generation = p.generation ? p.generation : 1;
			if ((i % 5 == 0 ? pins_commit(dir, &p, &err) : pins_extend(dir, &p, &err)) < 0)
				_exit(2);
			pins_free(&p);
			close(lock);
			usleep(3000); /* a session has other things to do as well */
		}
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++)
		tap_wait(pids[w], "writer %d", w);
	is_int(pins_read(dir, "current", &q, &err), 1, "what they wrote is whole");
	is_int(q.n, WRITERS * ROUNDS, "and nothing is lost");
	pins_free(&q);
}

/* A writer is killed at any time: what is there is always one of the states it wrote. */
static void killed(void)
{
	CLEANUP_FREE char *dir = folder("killed");
	int bad = 0, kills = 0;

	srandom(3);
	for (int round = 0; round < 150; round++) {
		pid_t pid = fork();
		if (pid == 0) {
			for (;;) {
				struct pins p = { 0 };
				int lock = pins_lock(dir, &err);
				if (lock < 0 || pins_read(dir, "current", &p, &err) < 0)
					_exit(1);
				if (p.n > 20)
					p.n = 0;
				add(&p, ITEM_TOOL, PIN_SEEN, "x", SPAN("{}"));
				p.v[p.n - 1].name = SPAN("x");
				if (pins_commit(dir, &p, &err) < 0 || pins_write_held(dir, &p, &err) < 0)
					_exit(1);
				pins_free(&p);
				close(lock);
			}
		}
		struct timespec pause = { .tv_nsec = random() % 6000000 };
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		int status;
		waitpid(pid, &status, 0);
		kills += WIFSIGNALED(status);
		struct pins q = { 0 };
		bad += pins_read(dir, "current", &q, &err) < 0;
		pins_free(&q);
		bad += pins_read(dir, "held", &q, &err) < 0;
		pins_free(&q);
	}
	is_int(kills, 150, "150 writers were killed at work");
	is_int(bad, 0, "and never was anything damaged: %s", err.what);
	int lock = pins_lock(dir, &err);
	ok(lock >= 0, "the lock is free");
	close(lock);
	char command[200];
	snprintf(command, sizeof command, "test -z \"$(ls '%s' | grep '[.]new$')\"", dir);
	is_int(system(command), 0, "what they left behind is gone");
	uint64_t *numbers;
	size_t n;
	pins_history(dir, &numbers, &n, &err);
	ok(n <= 101, "and the history is bounded: %zu", n);
	free(numbers);
}

static void servers(void)
{
	struct strlist names = { 0 };
	CLEANUP_FREE char *none = folder("none");

	is_int(pins_servers(none, &names, &err), 0, "no pins at all");
	is_int(names.n, 0, "are no servers");
	is_int(pins_servers(root, &names, &err), 0, "the servers");
	ok(names.n == 3 && strcmp(names.v[0], "a") == 0 && strcmp(names.v[2], "together") == 0, "are listed in order");
	strlist_free(&names);
}

int main(void)
{
	if (!mkdtemp(root))
		bail_out("cannot make a folder: %s", strerror(errno));
	format();
	forged();
	generations();
	together();
	killed();
	servers();
	remove_all(root);
	return done_testing();
}
