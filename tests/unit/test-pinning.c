/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor's part in the pins, with a filter that is in an attacker's hands: what it can do to what is pinned is nothing. */
#include "base/path.h"
#include "session/pinning.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct error err;
static struct plan plan_;

static struct record_item record(enum finding finding, enum item_kind kind, const char *name, const char *content)
{
	struct record_item r = { .finding = (uint8_t)finding, .kind = (uint8_t)kind };

	snprintf(r.name, sizeof r.name, "%s", name);
	r.total = r.n = (uint32_t)strlen(content);
	memcpy(r.chunk, content, r.n);
	if (r.n > 0)
		manifest_hash(span_of(content), r.hash);
	return r;
}

static int send_item(struct pinning *p, enum finding finding, enum item_kind kind, const char *name, const char *content)
{
	struct record_item r = record(finding, kind, name, content);

	return pinning_item(p, &r, &err);
}

static int end_list(struct pinning *p, enum item_kind kind, bool whole)
{
	const struct record_list r = { .kind = (uint8_t)kind, .whole = whole };
	size_t added;

	return pinning_list(p, &r, &added, &err) < 0 ? -1 : (int)added;
}

/* "current" or "held", as words. */
static const char *file(const char *name)
{
	static char text[2000];
	struct pins p = { 0 };
	size_t n = 0;

	text[0] = '\0';
	int there = pins_read(plan_.pins_folder, name, &p, &err);
	if (there <= 0)
		return there < 0 ? err.what : "none";
	for (size_t i = 0; i < p.n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s %.*s %.*s", i ? ", " : "", item_kind_name(p.v[i].kind),
				      pin_state_name(p.v[i].state), (int)p.v[i].name.n, p.v[i].name.p, (int)p.v[i].content.n,
				      p.v[i].content.p);
	pins_free(&p);
	return text;
}

static void begin(struct pinning *p)
{
	is_int(pinning_open(p, &plan_, false, &err), 0, "a session");
}

static void first_sight(void)
{
	struct pinning p, q;

	begin(&p);
	begin(&q);
	is_int(send_item(&p, FINDING_FIRST, ITEM_IDENTITY, "initialize", "{}"), 1, "an identity");
	is_int(send_item(&p, FINDING_FIRST, ITEM_INSTRUCTIONS, "initialize", "\"i\""), 1, "instructions");
	is_int(end_list(&p, ITEM_INSTRUCTIONS, true), 2, "both are pinned at once");
	is_int(send_item(&p, FINDING_FIRST, ITEM_TOOL, "a", "1"), 1, "a tool");
	is_int(end_list(&p, ITEM_TOOL, false), 1, "a page is pinned");
	is_int(send_item(&p, FINDING_FIRST, ITEM_TOOL, "b", "2"), 1, "another");
	is_int(end_list(&p, ITEM_TOOL, true), 1, "and the last page");
	is_str(file("current"), "identity seen initialize {}, instructions seen initialize \"i\", tool seen a 1, tool seen b 2", "on disk");

	/* the other session was a moment slower, or is in an attacker's hands */
	is_int(send_item(&q, FINDING_FIRST, ITEM_TOOL, "a", "evil"), 1, "another session says it saw another tool first");
	is_int(send_item(&q, FINDING_FIRST, ITEM_TOOL, "c", "3"), 1, "and one more");
	is_int(send_item(&q, FINDING_FIRST, ITEM_INSTRUCTIONS, "initialize", "\"evil\""), 1, "and other instructions");
	is_int(end_list(&q, ITEM_TOOL, true), 0, "nothing of it is pinned");
	is_int(end_list(&q, ITEM_INSTRUCTIONS, true), 0, "nor of the greeting");
	is_str(file("current"), "identity seen initialize {}, instructions seen initialize \"i\", tool seen a 1, tool seen b 2",
	       "what is pinned does not change");
	pinning_close(&p);
	pinning_close(&q);
}

static void held(void)
{
	struct pinning p;

	begin(&p);
	is_int(send_item(&p, FINDING_CHANGED, ITEM_TOOL, "a", "other"), 1, "a change");
	is_int(send_item(&p, FINDING_NEW, ITEM_TOOL, "n", "new"), 1, "a new tool");
	is_int(send_item(&p, FINDING_GONE, ITEM_TOOL, "b", ""), 1, "one that is gone");
	is_int(end_list(&p, ITEM_TOOL, true), 0, "nothing is pinned");
	is_str(file("held"), "tool changed a other, tool new n new, tool gone b ", "all is held");
	is_int(send_item(&p, FINDING_AGAIN, ITEM_TOOL, "a", ""), 1, "one is as before again");
	is_int(send_item(&p, FINDING_GONE, ITEM_TOOL, "n", ""), 1, "the new one is gone");
	is_int(send_item(&p, FINDING_AGAIN, ITEM_TOOL, "b", ""), 1, "and the one that was gone is back");
	is_int(send_item(&p, FINDING_CHANGED, ITEM_INSTRUCTIONS, "initialize", "\"x\""), 1, "other instructions");
	end_list(&p, ITEM_TOOL, true);
	is_str(file("held"), "instructions changed initialize \"x\"", "then only that is held");
	pinning_close(&p);

	begin(&p);
	end_list(&p, ITEM_TOOL, true);
	is_str(file("held"), "instructions changed initialize \"x\"", "a session that saw other kinds leaves it");
	end_list(&p, ITEM_INSTRUCTIONS, true);
	is_str(file("held"), "none", "one that saw the greeting as it is pinned does not");
	pinning_close(&p);
}

#define BROKEN(words, ...)                                                  \
	do {                                                                \
		struct pinning p;                                           \
		begin(&p);                                                  \
		struct record_item r = record(FINDING_FIRST, ITEM_TOOL, "x", "content"); \
		__VA_ARGS__;                                                \
		is_int(pinning_item(&p, &r, &err), -1, words ": %s", err.what); \
		pinning_close(&p);                                          \
	} while (0)

static void broken(void)
{
	BROKEN("an item that its hash does not fit", r.hash[0] ^= 1);
	BROKEN("a first sight of nothing", r.total = r.n = 0);
	BROKEN("content where there is none", r.finding = FINDING_AGAIN);
	BROKEN("a second piece without a first", r.offset = 3; r.n = 4);
	BROKEN("a new item inside another", r.total = 100; is_int(pinning_item(&p, &r, &err), 0, "a first piece"));
	BROKEN("a piece of another item", r.total = 100; is_int(pinning_item(&p, &r, &err), 0, "a first piece"); r.offset = r.n; r.name[0] = 'y');
	BROKEN("a piece with a gap before it", r.total = 100; is_int(pinning_item(&p, &r, &err), 0, "a first piece"); r.offset = r.n + 1);
	BROKEN("a finding inside an item", r.total = 100; is_int(pinning_item(&p, &r, &err), 0, "a first piece");
	       r = record(FINDING_AGAIN, ITEM_TOOL, "x", ""));
}

/* However much it sends, what is kept of it is bounded. */
static void bounded(void)
{
	struct pinning p;
	struct record_item r;
	char name[40];
	int i, status = 1;
	size_t most = 0;

	begin(&p);
	for (i = 0; i < 100000 && status == 1; i++) {
		snprintf(name, sizeof name, "t%d", i);
		r = record(FINDING_NEW, ITEM_TOOL, name, "x");
		status = pinning_item(&p, &r, &err);
	}
	is_int(status, -1, "items without end are refused: %s", err.what);
	is_int(i, MANIFEST_ITEMS + 1, "past the limit");
	pinning_close(&p);

	begin(&p);
	char *big = calloc(1, ITEM_CONTENT_MAX);
	uint8_t hash[ITEM_HASH];
	memset(big, 'x', ITEM_CONTENT_MAX);
	manifest_hash((struct span){ big, ITEM_CONTENT_MAX }, hash);
	for (i = 0, status = 1; i < 100 && status == 1; i++) {
		snprintf(name, sizeof name, "t%d", i);
		r = record(FINDING_NEW, ITEM_TOOL, name, "x");
		memcpy(r.hash, hash, sizeof hash);
		memset(r.chunk, 'x', sizeof r.chunk);
		r.total = ITEM_CONTENT_MAX;
		for (r.offset = 0; r.offset < r.total; r.offset += r.n) {
			r.n = r.total - r.offset < RECORD_CHUNK ? r.total - r.offset : RECORD_CHUNK;
			status = pinning_item(&p, &r, &err);
		}
		most = p.held.bytes > most ? p.held.bytes : most;
	}
	is_int(status, -1, "megabytes without end are refused: %s", err.what);
	ok(most <= MANIFEST_BYTES, "past the limit");
	free(big);
	pinning_close(&p);
}

static void modes(void)
{
	struct pinning p;

	plan_.mediation.pins = PINS_REVIEW;
	begin(&p);
	send_item(&p, FINDING_FIRST, ITEM_PROMPT, "p", "1");
	is_int(end_list(&p, ITEM_PROMPT, true), 0, "in review mode nothing is pinned at first sight");
	pinning_close(&p);
	plan_.mediation.pins = PINS_OFF;
	begin(&p);
	is_int(end_list(&p, ITEM_PROMPT, true), -1, "without pins nobody asks for lists");
	pinning_close(&p);
	plan_.mediation.pins = PINS_FIRST_USE;

	is_int(pinning_open(&p, &plan_, true, &err), 0, "a review");
	send_item(&p, FINDING_FIRST, ITEM_TOOL, "z", "1");
	send_item(&p, FINDING_FIRST, ITEM_TOOL, "b", "changed");
	send_item(&p, FINDING_FIRST, ITEM_IDENTITY, "initialize", "2");
	is_int(end_list(&p, ITEM_TOOL, true), 0, "pins nothing");
	struct pins out = { 0 };
	is_int(pinning_collected(&p, &out, &err), 0, "and collects");
	ok(out.n == 3 && out.v[0].kind == ITEM_IDENTITY && span_is(out.v[1].name, "b") && span_is(out.v[2].name, "z"), "in order");
	is_span(out.v[1].content, "changed", "what was shown");
	pinning_close(&p);
	pins_free(&out);
	is_str(file("current"), "identity seen initialize {}, instructions seen initialize \"i\", tool seen a 1, tool seen b 2",
	       "on disk is what was before");
}

int main(void)
{
	char root[] = "/tmp/mcpcage-test-pinning-XXXXXX", command[200];

	if (!mkdtemp(root))
		bail_out("cannot make a folder: %s", strerror(errno));
	plan_.pins_folder = path_join(root, "server");
	plan_.exe = strdup("/bin/server");
	plan_.mediation.pins = PINS_FIRST_USE;
	first_sight();
	held();
	broken();
	bounded();
	modes();
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	if (system(command) != 0)
		diag("cannot remove %s", root);
	free(plan_.pins_folder);
	free(plan_.exe);
	return done_testing();
}
