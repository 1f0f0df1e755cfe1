/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The framing: lines cut at every place, many in one piece, too long, at the limit, with a CR, with a '\n' or without; what is held
 * of what is refused; and that memory goes back.
 */
#include "rpc/frame.h"
#include "tests/rpc-fixture.h"
#include "tests/tap.h"

#include <time.h>

#define ANSWERED "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"
enum { LIMIT = 65536 };

static struct frame *fresh(size_t message)
{
	struct frame *f = frame_new(&(struct frame_limits){ .message = message });

	if (!f)
		bail_out("out of memory");
	return f;
}

/* Feed TEXT, PIECE bytes at a time; what comes of it goes to OUT. */
static void feed(struct frame *f, struct span text, size_t piece, struct buf *out)
{
	static struct message m;
	static struct frame_refusal r;

	while (text.n > 0) {
		size_t n;
		char *space = frame_space(f, &n);
		if (!space || n == 0)
			bail_out("no space");
		n = n < piece ? n : piece;
		n = n < text.n ? n : text.n;
		memcpy(space, text.p, n);
		frame_fill(f, n);
		text.p += n;
		text.n -= n;
		enum frame_event event;
		while ((event = frame_next(f, &m, &r)) != FRAME_MORE) {
			put_event(out, event, &m, &r);
			if (event == FRAME_MESSAGE) {
				buf_append(out, m.line.p, m.line.n);
				if (!spans_inside(&m))
					fail("a span outside the line");
			} else if (event != FRAME_BLANK) {
				buf_append(out, r.text.p, r.text.n);
				buf_putc(out, '\n');
			}
		}
	}
}

/* One of every sort, with every state of the scanner in it. */
static const char stream[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\\u0061\\ud83d\\ude00\303\251\360\237\230\200\","
	"\"arguments\":{\"a\":[-1.5e+3,true,false,null,[],{}],\"b\\\"\":\"\342\202\254\\n\"},\"_meta\":"
	"{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}\n"
	"\n \t\r\n"
	" {\"jsonrpc\" : \"2.0\" , \"id\" : \"x\\u00e9\" , \"result\" : {\"content\":[]} } \r\n"
	"starting up ...\n"
	"\357\273\277{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"a\"}\n"
	"\357\273x\n"
	"[{\"jsonrpc\":\"2.0\"}]\n"
	"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"a\",\"params\":{\"x\":\"\355\240\200\",\"y\":\"\\ud800\\u0041\\udc00\"}}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"a\",\"params\":{\"x\":-}}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"a\",\"params\":{\"x\":tru\n"
	"{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"a\",\"params\":{\"x\":1\n"
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"x\":\"\\u00\n"
	"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"a\",\"params\":{\"x\":\"\\\n"
	"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"a\",\"Method\":1}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"a\",\"long key number one\":1,\"long key number \\u006fne\":1}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":11,\"method\":\"a\"}x\n"
	"{\"jsonrpc\":\"2.0\",\r\"id\":12,\"method\":\"a\"}\n"
	"{\"jsonrpc\":\"2.0\",\"id\":13,\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":12}}\n" ANSWERED;

static void cut_everywhere(void)
{
	const struct span text = { stream, sizeof stream - 1 };
	CLEANUP_BUF struct buf whole = BUF_INIT(0), one = BUF_INIT(0), b = BUF_INIT(0);
	struct frame *f = fresh(LIMIT);
	size_t different = 0;

	feed(f, text, SIZE_MAX, &whole);
	frame_free(f);
	size_t events = 0;
	for (size_t i = 0; i < whole.n; i++)
		events += whole.p[i] == '\n';
	/* Twenty lines; of each an event and its text, but of the two blank ones only the event. */
	is_int(events, 20 * 2 - 2, "every line is an event");

	for (size_t at = 1; at < text.n; at++) {
		f = fresh(LIMIT);
		buf_clear(&b);
		feed(f, (struct span){ text.p, at }, SIZE_MAX, &b);
		feed(f, (struct span){ text.p + at, text.n - at }, SIZE_MAX, &b);
		different += !span_eq(buf_span(&b), buf_span(&whole));
		frame_free(f);
	}
	is_int(different, 0, "cut at each byte, the events are the same");
	for (size_t piece = 1; piece <= 70; piece++) {
		f = fresh(LIMIT);
		buf_clear(&b);
		feed(f, text, piece, &b);
		different += !span_eq(buf_span(&b), buf_span(&whole));
		frame_free(f);
	}
	is_int(different, 0, "in pieces of every size, the events are the same");

	/* And line by line, scanned at once. */
	static struct message m;
	static struct frame_refusal r;
	const struct frame_limits limits = { .message = LIMIT };
	for (const char *p = stream, *end; (end = strchr(p, '\n')); p = end + 1) {
		enum frame_event event = frame_scan_line(&limits, (struct span){ p, (size_t)(end - p) }, &m, &r);
		put_event(&one, event, &m, &r);
	}
	struct buf headings = BUF_INIT(0);
	for (size_t i = 0, line = 0; i < whole.n; i++) {
		const char *end = memchr(whole.p + i, '\n', whole.n - i);
		size_t n = (size_t)(end - (whole.p + i)) + 1;
		bool blank = strncmp(whole.p + i, "blank", 5) == 0;
		if (line % 2 == 0)
			buf_append(&headings, whole.p + i, n);
		line += blank ? 2 : 1;
		i += n - 1;
	}
	is_mem(one.p, one.n, headings.p, headings.n, "each line by itself is read the same");
	buf_free(&headings);
}

static struct message m;
static struct frame_refusal r;

/* Put TEXT in and take the first event. */
static enum frame_event one(struct frame *f, struct span text)
{
	while (text.n > 0) {
		size_t n;
		char *space = frame_space(f, &n);
		if (!space)
			bail_out("no space");
		n = n < text.n ? n : text.n;
		memcpy(space, text.p, n);
		frame_fill(f, n);
		text.p += n;
		text.n -= n;
		enum frame_event event = frame_next(f, &m, &r);
		if (event != FRAME_MORE || text.n == 0)
			return event;
	}
	return FRAME_MORE;
}

static void carriage_returns(void)
{
	struct frame *f = fresh(LIMIT);
	char line[] = ANSWERED;

	line[sizeof line - 2] = '\r';
	is_int(one(f, span_of(line)), FRAME_MORE, "a CR does not end a line");
	ok(frame_partial(f), "the line is held");
	is_int(one(f, SPAN("\n")), FRAME_MESSAGE, "the newline does");
	is_span(m.line, ANSWERED, "the line is passed on without the CR");
	is_int(frame_next(f, &m, &r), FRAME_MORE, "nothing more");
	ok(!frame_partial(f), "nothing is held");
	is_int(one(f, SPAN(" \r\n")), FRAME_BLANK, "an empty line with a CR");
	is_int(one(f, SPAN("text\r\n")), FRAME_NOISE, "no message, with a CR");
	is_span(r.text, "text\r", "its text");
	is_int(one(f, SPAN(ANSWERED)), FRAME_MESSAGE, "afterwards a message");
	is_span(m.line, ANSWERED, "as it came");
	frame_free(f);
}

static void partial(void)
{
	struct frame *f = fresh(LIMIT);

	ok(!frame_partial(f), "a new frame holds nothing");
	is_int(frame_next(f, &m, &r), FRAME_MORE, "and has nothing");
	is_int(one(f, SPAN("{")), FRAME_MORE, "half a line");
	ok(frame_partial(f), "is held");
	is_int(one(f, SPAN("}\n" ANSWERED "{")), FRAME_REFUSED, "its end");
	ok(frame_partial(f), "more is held");
	is_int(frame_next(f, &m, &r), FRAME_MESSAGE, "the next line");
	is_int(frame_next(f, &m, &r), FRAME_MORE, "the one after is incomplete");
	ok(frame_partial(f), "and held");
	frame_free(f);
}

/* A request of exactly N bytes with its '\n', made long by a text. The id comes before or after it. */
static void make_long(struct buf *b, size_t n, bool id_first, const char *id)
{
	buf_clear(b);
	buf_puts(b, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",");
	if (id_first)
		buf_printf(b, "\"id\":%s,", id);
	buf_puts(b, "\"params\":{\"name\":\"write\",\"arguments\":{\"text\":\"");
	size_t tail = strlen("\"}}}\n") + (id_first ? 0 : strlen(",\"id\":") + strlen(id));
	while (b->n + tail < n)
		buf_putc(b, "abcdefgh"[b->n % 8]);
	buf_puts(b, "\"}}");
	if (!id_first)
		buf_printf(b, ",\"id\":%s", id);
	buf_puts(b, "}\n");
	if (b->n != n)
		bail_out("made %zu bytes instead of %zu", b->n, n);
}

static void too_long(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0), out = BUF_INIT(0);
	static const size_t limits[] = { 200, 4096, 40000, 65536, 200000 };

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		size_t limit = limits[i];
		struct frame *f = fresh(limit);

		make_long(&b, limit, true, "31");
		is_int(one(f, buf_span(&b)), FRAME_MESSAGE, "a message of %zu bytes, the limit", limit);
		is_mem(m.line.p, m.line.n, b.p, b.n, "as it came");
		make_long(&b, limit + 1, true, "32");
		is_int(one(f, buf_span(&b)), FRAME_REFUSED, "one byte more");
		is_int(r.why, REFUSE_TOO_LONG, "is too long");
		is_int(r.id.integer, 32, "its id is known");
		is_int(r.offset, limit, "where it became so");
		is_int(r.length, limit, "its length without the newline");
		make_long(&b, limit * 5 + 3, false, "\"q\"");
		is_int(one(f, buf_span(&b)), FRAME_REFUSED, "five times as long, the id behind");
		is_int(r.why, REFUSE_TOO_LONG, "is too long");
		is_str(r.id.type == ID_STRING ? r.id.text : "", "q", "its id is known");
		ok(r.kind_known && r.kind == MESSAGE_REQUEST, "it was a request");
		is_str(r.method, "tools/call", "its method");
		is_int(r.length, limit * 5 + 2, "its length");
		ok(r.text.n > 0 && r.text.n <= 4096 && memcmp(r.text.p, b.p, r.text.n) == 0, "its beginning is held, no more");
		is_int(one(f, SPAN(ANSWERED)), FRAME_MESSAGE, "the next message is read");
		frame_free(f);
	}

	/* The same byte by byte, and both ids at once. */
	struct frame *f = fresh(4096);
	make_long(&b, 30000, false, "8");
	feed(f, buf_span(&b), 1, &out);
	ok(strstr(buf_str(&out), " id=8\n"), "fed byte by byte, the id behind is known");
	frame_free(f);
	f = fresh(4096);
	make_long(&b, 5000, false, "8,\"id\":9");
	is_int(one(f, buf_span(&b)), FRAME_REFUSED, "too long with two ids");
	is_int(r.id.type, ID_NONE, "has none that is certain");
	frame_free(f);
}

static void too_long_and_wrong(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	struct frame *f = fresh(4096);

	make_long(&b, 9000, true, "5");
	b.p[6000] = '\377';
	is_int(one(f, buf_span(&b)), FRAME_REFUSED, "too long, with bad text beyond the limit");
	is_int(r.why, REFUSE_TOO_LONG, "the length is the reason");
	is_int(r.id.integer, 5, "the id is known");
	b.p[2000] = '"';
	is_int(one(f, buf_span(&b)), FRAME_REFUSED, "too long, and no JSON");
	is_int(r.id.integer, 5, "the id before the fault is known");

	/* No message at all, endless. */
	buf_clear(&b);
	for (int i = 0; i < 300000; i++)
		buf_putc(&b, 'n');
	buf_putc(&b, '\n');
	is_int(one(f, buf_span(&b)), FRAME_NOISE, "a long line that is no message");
	is_int(r.length, 300000, "its length");
	is_int(r.text.n, 16384, "its beginning");
	memset(b.p, ' ', 300000);
	is_int(one(f, buf_span(&b)), FRAME_BLANK, "a long blank line");
	memcpy(b.p + 300001 - sizeof ANSWERED, ANSWERED, sizeof ANSWERED - 1);
	b.p[300000] = '\n';
	is_int(one(f, buf_span(&b)), FRAME_REFUSED, "a message behind too many spaces");
	is_int(r.why, REFUSE_TOO_LONG, "is too long");
	frame_free(f);
}

/* However much comes in one line, the frame holds no more than its limit and a piece. */
static void held_memory(void)
{
	static const char *const begins[] = { "{\"x\":\"", "{\"x\":[", "[", "text ", "   ", "{\"a\":1,\"a\":1,\"x\":\"" };

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		struct frame *f = fresh(256 * 1024);
		size_t largest = 0, n;
		feed(f, span_of(begins[i]), SIZE_MAX, &(struct buf)BUF_INIT(0));
		for (int k = 0; k < 4000; k++) {
			char *space = frame_space(f, &n);
			if (!space)
				bail_out("no space");
			largest = n > largest ? n : largest;
			n = n < 65536 ? n : 65536;
			memset(space, begins[i][strlen(begins[i]) - 1] == '[' ? '[' : ' ', n);
			frame_fill(f, n);
			if (frame_next(f, &m, &r) != FRAME_MORE)
				fail("an event inside a line");
		}
		ok(largest <= 512 * 1024, "%s...: %zu bytes of space at most", begins[i], largest);
		is_int(one(f, SPAN("\n" ANSWERED)), i == 3 ? FRAME_NOISE : i == 4 ? FRAME_BLANK : FRAME_REFUSED, "then its end");
		is_int(frame_next(f, &m, &r), FRAME_MESSAGE, "and the next message");
		frame_free(f);
	}
}

static long resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		bail_out("/proc/self/statm");
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void trimmed(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	struct frame *f = fresh(16 << 20);

	make_long(&b, 8 << 20, false, "1");
	is_int(one(f, buf_span(&b)), FRAME_MESSAGE, "a message of 8 MiB");
	is_mem(m.line.p, m.line.n, b.p, b.n, "as it came");
	long before = resident();
	frame_trim(f);
	long after = resident();
	ok(before - after > 7000, "its memory goes back: %ld KiB of %ld", before - after, before);
	is_int(one(f, SPAN(ANSWERED)), FRAME_MESSAGE, "afterwards a small one");
	frame_free(f);

	f = fresh(16 << 20);
	is_int(one(f, buf_span(&b)), FRAME_MESSAGE, "a large one");
	is_int(one(f, SPAN("{\"jsonrpc\":\"2.0\",")), FRAME_MORE, "half a small one");
	frame_trim(f);
	is_int(one(f, SPAN("\"id\":77,\"result\":1}\n")), FRAME_MESSAGE, "its other half, after frame_trim()");
	is_int(m.id.integer, 77, "is read");
	is_span(m.line, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":1}\n", "as a whole");

	is_int(one(f, SPAN(ANSWERED "{\"jsonrpc\":\"2.0\",\"id\":78,\"result\":1}\n")), FRAME_MESSAGE, "two at once");
	frame_trim(f);
	is_int(frame_next(f, &m, &r), FRAME_MESSAGE, "the second, after frame_trim()");
	is_int(m.id.integer, 78, "is read");
	frame_free(f);
	frame_free(NULL);
}

/* Many messages of all sizes through one frame, in pieces of all sizes. */
static void many(void)
{
	CLEANUP_BUF struct buf all = BUF_INIT(0), got = BUF_INIT(0), line = BUF_INIT(0);
	unsigned long seed = 12345;

	for (int i = 0; i < 300; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		make_long(&line, 110 + (seed >> 33) % (i % 20 ? 700 : 90000), i % 2, "3");
		buf_append(&all, line.p, line.n);
	}
	struct frame *f = fresh(100000);
	struct span rest = buf_span(&all);
	int messages = 0;
	while (rest.n > 0) {
		size_t n;
		char *space = frame_space(f, &n);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t piece = 1 + (seed >> 33) % ((seed >> 60) ? 3000 : 60000);
		n = n < piece ? n : piece;
		n = n < rest.n ? n : rest.n;
		if (!space)
			bail_out("no space");
		memcpy(space, rest.p, n);
		frame_fill(f, n);
		rest = (struct span){ rest.p + n, rest.n - n };
		while (frame_next(f, &m, &r) == FRAME_MESSAGE) {
			buf_append(&got, m.line.p, m.line.n);
			messages++;
		}
	}
	is_int(messages, 300, "300 messages in pieces of all sizes");
	ok(span_eq(buf_span(&got), buf_span(&all)), "come out as they went in");
	frame_free(f);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * The dearest 10 MiB that a peer can send in one line. How long each took is told, not judged; what is worse than linear would
 * take minutes. A processor that is emulated takes them for the most harmless lines, and is spared.
 */
static void hostile(void)
{
	static const struct {
		const char *begin, *unit, *what;
		bool numbered; /* a number in place of the '#' */
	} lines[] = {
		{ "{\"x\":", "[", "opening arrays", false },
		{ "{\"x\":", "{\"a\":", "opening objects", false },
		{ "{\"x\":[", "[],", "empty arrays", false },
		{ "{\"x\":[", "{\"a\":{\"a\":{}}},", "small objects", false },
		{ "{\"x\":[", "1,", "numbers", false },
		{ "{\"x\":[1", "1", "one number", false },
		{ "{\"x\":\"", "\\u00e9", "escapes", false },
		{ "{\"x\":\"", "\\ud800", "bad escapes", false },
		{ "{\"x\":\"", "\\n", "short escapes", false },
		{ "{\"x\":\"", "\377", "bad bytes", false },
		{ "{\"x\":\"", "a\303\251", "two-byte characters", false },
		{ "{\"id\":\"", "\\n", "an endless id", false },
		{ "{\"", "\\n", "an endless key", false },
		{ "{\"x\":{\"\":1", ",\"#\":1", "different keys", true },
		{ "{\"x\":{\"\":1", ",\"\\u00e9#\":1", "different keys with escapes", true },
		{ "{\"x\":{\"\":1", ",\"a\":1", "equal keys", false },
		{ "{\"\":1", ",\"#\":1", "different keys at the top", true },
		{ "{\"\":1", ",\"Id\":1", "lookalikes", false },
		{ "{\"id\":1", ",\"id\":1", "ids", false },
		{ "{\"x\":1", "\r", "carriage returns", false },
		{ "{\"x\":1", " ", "spaces", false },
		{ "", "\r", "carriage returns and nothing else", false },
		{ "x", "{", "no message", false },
	};
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	char number[20];

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		buf_clear(&b);
		buf_puts(&b, lines[i].begin);
		for (unsigned k = 0; b.n < 10 << 20; k++) {
			const char *mark = lines[i].numbered ? strchr(lines[i].unit, '#') : NULL;
			if (mark) {
				snprintf(number, sizeof number, "%x", k);
				buf_append(&b, lines[i].unit, (size_t)(mark - lines[i].unit));
				buf_puts(&b, number);
				buf_puts(&b, mark + 1);
			} else {
				buf_puts(&b, lines[i].unit);
			}
		}
		buf_putc(&b, '\n');
		struct frame *f = fresh(16 << 20);
		alarm(100);
		double start = seconds();
		enum frame_event event = one(f, buf_span(&b));
		double took = seconds() - start;
		alarm(0);
		ok(event != FRAME_MESSAGE && event != FRAME_MORE, "10 MiB of %s: %.3f s", lines[i].what, took);
		is_int(one(f, SPAN(ANSWERED)), FRAME_MESSAGE, "and the next message is read");
		frame_free(f);
	}
}

int main(void)
{
	cut_everywhere();
	carriage_returns();
	partial();
	too_long();
	too_long_and_wrong();
	held_memory();
	trimmed();
	many();
	if (!getenv("MCPCAGE_EMULATED"))
		hostile();
	return done_testing();
}
