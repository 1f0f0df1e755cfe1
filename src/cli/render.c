/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts are shown between quotation marks with everything escaped that cannot be seen, moves the cursor or turns the direction of
 * writing; a new line inside a text is shown as \n and continues below, indented, so that it cannot look like a line of ours. Letters of other
 * scripts are shown as they are, names that can be mistaken for others are marked.
 */
#include "cli/render.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json-out.h"
#include "cage/cage.h"
#include "rpc/change.h"
#include "rpc/rules.h"
#include "rpc/unicode.h"
#include "session/texts.h"
#include "store/rulefiles.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLUSH_AT ((size_t)64 << 10)

struct view {
	const struct render *r;
	struct manifest *manifest; /* of r->pins, for names that are alike */
	uint32_t *alike;
	struct rules *rules; /* NULL: none */
	struct rule_hits hits;
	bool *hit; /* by rule */
	struct buf out;
	size_t hidden; /* characters of the item that cannot be seen */
	bool first;    /* JSON: no comma yet */
};

static void flush(struct view *v)
{
	if (v->out.full || (v->out.n > 0 && fd_write_all(v->r->fd, v->out.p, v->out.n) < 0))
		_exit(2);
	buf_clear(&v->out);
}

/* ---- text ------------------------------------------------------------------------------------- */

/* Scripts that are written from right to left would change the order of what is around them on many terminals. */
static bool right_to_left(uint32_t c)
{
	return (c >= 0x0590 && c <= 0x08ff) || (c >= 0xfb1d && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfeff) ||
	       (c >= 0x10800 && c <= 0x10fff) || (c >= 0x1e800 && c <= 0x1efff);
}

static void show_char(struct view *v, const uint8_t *p, size_t n, uint32_t c, const char *indent)
{
	struct buf *out = &v->out;

	if (n == 0) {
		buf_printf(out, "\\x{%02x}", *p);
		v->hidden++;
	} else if (c == '\n') {
		buf_puts(out, "\\n");
		if (indent)
			buf_printf(out, "\n%s", indent);
	} else if (c == '"' || c == '\\') {
		buf_printf(out, "\\%c", (char)c);
	} else if (c == '\t') {
		buf_puts(out, "\\t");
	} else if (c == '\r') {
		buf_puts(out, "\\r");
	} else if (unicode_hidden(c)) {
		buf_printf(out, "\\u{%x}", c);
		v->hidden++;
	} else if (right_to_left(c)) {
		buf_printf(out, "\\u{%x}", c);
	} else {
		buf_append(out, p, n);
	}
}

/* INDENT NULL: on one line. */
static void show_plain(struct view *v, struct span text, const char *indent)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;

	while (p < end) {
		uint32_t c = 0;
		size_t n = unicode_decode(p, (size_t)(end - p), &c);
		show_char(v, p, n, c, indent);
		p += n ? n : 1;
		if (v->out.n > FLUSH_AT)
			flush(v);
	}
}

static void show_text(struct view *v, struct span text, const char *indent)
{
	buf_putc(&v->out, '"');
	show_plain(v, text, indent);
	buf_putc(&v->out, '"');
}

/* A JSON string of ASCII alone, so that it is safe to look at, too. */
static void json_text(struct buf *out, struct span text)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;

	buf_putc(out, '"');
	while (p < end) {
		uint32_t c = 0xfffd;
		size_t n = unicode_decode(p, (size_t)(end - p), &c);
		p += n ? n : 1;
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (char)c);
		else if (c >= 0x20 && c < 0x7f)
			buf_putc(out, (char)c);
		else if (c < 0x10000)
			buf_printf(out, "\\u%04x", c);
		else
			buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	buf_putc(out, '"');
}

static void json_text_member(struct view *v, const char *key, struct span text)
{
	json_key(&v->out, key);
	json_text(&v->out, text);
}

static void hash_text(const uint8_t hash[ITEM_HASH], char text[2 * ITEM_HASH + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ITEM_HASH; i++) {
		text[2 * i] = digits[hash[i] >> 4];
		text[2 * i + 1] = digits[hash[i] & 15];
	}
	text[(size_t)2 * ITEM_HASH] = '\0';
}

/* ---- fields ----------------------------------------------------------------------------------- */

/* Behind a text: what the rules find in it. */
static void show_hits(struct view *v, struct span text, const char *mark)
{
	rule_hits_clear(&v->hits);
	if (!v->rules)
		return;
	if (rules_search(v->rules, RULE_DESCRIPTION, text, &v->hits) < 0)
		_exit(2);
	for (size_t i = 0; i < v->hits.n; i++) {
		const struct rule_hit *hit = &v->hits.v[i];
		buf_printf(&v->out, "  %s! rule %s: ", mark, rules_name(v->rules, hit->rule));
		show_text(v, (struct span){ text.p + hit->start, hit->end - hit->start }, NULL);
		buf_puts(&v->out, hit->limit ? " (too much to search)\n" : "\n");
	}
}

/* A value that is no container, or an empty one. */
static void show_scalar(struct view *v, const struct tree *t, uint32_t i, const char *indent)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	if (t->v[i].type == TREE_STRING) {
		show_text(v, tree_string_span(t, i, &text), indent);
	} else {
		struct span raw = tree_raw(t, i);
		buf_append(&v->out, raw.p, raw.n);
	}
}

static bool is_leaf(const struct tree *t, uint32_t i)
{
	return (t->v[i].type != TREE_OBJECT && t->v[i].type != TREE_ARRAY) || t->v[i].next == i + 1;
}

/* MARK goes before each line. POINTER is where I stands. */
static void show_fields(struct view *v, const struct tree *t, uint32_t i, struct buf *pointer, const char *mark)
{
	size_t before = pointer->n;

	if (is_leaf(t, i)) {
		buf_printf(&v->out, "  %s", mark);
		if (pointer->n > 0) {
			show_plain(v, buf_span(pointer), NULL);
			buf_puts(&v->out, ": ");
		}
		show_scalar(v, t, i, "      | ");
		buf_putc(&v->out, '\n');
		if (t->v[i].type == TREE_STRING && strcmp(mark, "  - ") != 0) {
			CLEANUP_BUF struct buf text = BUF_INIT(0);
			show_hits(v, tree_string_span(t, i, &text), mark[0] ? "    " : "");
		}
		flush(v);
		return;
	}
	unsigned number = 0;
	bool object = t->v[i].type == TREE_OBJECT;
	for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[object ? k + 1 : k].next) {
		CLEANUP_BUF struct buf key = BUF_INIT(0);
		buf_putc(pointer, '/');
		if (object) {
			struct span name = tree_string_span(t, k, &key);
			for (size_t c = 0; c < name.n; c++) {
				if (name.p[c] == '~' || name.p[c] == '/')
					buf_puts(pointer, name.p[c] == '~' ? "~0" : "~1");
				else
					buf_putc(pointer, name.p[c]);
			}
		} else {
			buf_printf(pointer, "%u", number++);
		}
		show_fields(v, t, object ? k + 1 : k, pointer, mark);
		pointer->n = before;
	}
}

static void show_content(struct view *v, struct span content, struct span pointer, const char *mark)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf path = BUF_INIT(0);

	buf_append(&path, pointer.p, pointer.n);
	if (tree_parse(&t, content, 0) == TREE_OK) {
		show_fields(v, &t, 0, &path, mark);
		return;
	}
	buf_printf(&v->out, "  %s(no JSON) ", mark);
	show_text(v, content, "      | ");
	buf_putc(&v->out, '\n');
	flush(v);
}

/* ---- items ------------------------------------------------------------------------------------ */

static void show_name(struct view *v, enum item_kind kind, struct span name)
{
	buf_puts(&v->out, item_kind_name(kind));
	if (kind == ITEM_IDENTITY || kind == ITEM_INSTRUCTIONS) {
		buf_puts(&v->out, " (");
		show_plain(v, name, NULL);
		buf_putc(&v->out, ')');
	} else {
		buf_putc(&v->out, ' ');
		show_text(v, name, NULL);
	}
}

/* How PIN differs from what is pinned, in words; "" when there is nothing to compare with. */
static void state_words(const struct view *v, const struct pin *pin, struct buf *words)
{
	const struct pin *old;
	unsigned changes;

	if (!v->r->against || v->r->against->generation == 0)
		return;
	old = pins_find(v->r->against, pin->kind, pin->name);
	if (change_compare(pin->kind, old ? old->content : (struct span){ 0 }, pin->content, NULL, NULL, &changes) < 0)
		changes = CHANGE_OTHER;
	if (changes == 0)
		buf_puts(words, "as it is pinned");
	else
		change_words(pin->kind, changes, words);
}

static const struct item *mistaken_for(const struct view *v, size_t number)
{
	return v->alike && v->alike[number] != UINT32_MAX ? manifest_item(v->manifest, v->alike[number]) : NULL;
}

static void show_item(struct view *v, const struct pin *pin, size_t number)
{
	CLEANUP_BUF struct buf words = BUF_INIT(0);
	const struct item *other = mistaken_for(v, number);
	char hash[2 * ITEM_HASH + 1];

	hash_text(pin->hash, hash);
	state_words(v, pin, &words);
	v->hidden = 0;
	show_name(v, pin->kind, pin->name);
	if (words.n > 0)
		buf_printf(&v->out, ": %.*s", (int)words.n, words.p);
	else if (!v->r->against)
		buf_printf(&v->out, ": %s", pin_state_name(pin->state));
	buf_printf(&v->out, "\n  sha256 %s\n", hash);
	show_content(v, pin->content, (struct span){ 0 }, "");
	if (v->hidden > 0)
		buf_printf(&v->out, "  ! %zu characters in it cannot be seen; they are shown as \\u{...}\n", v->hidden);
	if (other) {
		buf_puts(&v->out, "  ! its name can be mistaken for ");
		show_text(v, other->name, NULL);
		buf_putc(&v->out, '\n');
	}
	buf_putc(&v->out, '\n');
	flush(v);
}

/* The rules that hit one of the texts. */
static void json_hits(struct view *v, struct span content)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	size_t rules = v->rules ? rules_count(v->rules) : 0;
	bool *hit = v->hit;

	if (tree_parse(&t, content, 0) != TREE_OK)
		return;
	memset(hit, 0, rules * sizeof *hit);
	for (uint32_t i = 0; rules > 0 && i < t.n; i++) {
		if (t.v[i].type != TREE_STRING)
			continue;
		rule_hits_clear(&v->hits);
		if (rules_search(v->rules, RULE_DESCRIPTION, tree_string_span(&t, i, &text), &v->hits) < 0)
			_exit(2);
		for (size_t h = 0; h < v->hits.n; h++)
			hit[v->hits.v[h].rule] = true;
	}
	json_key(&v->out, "rules");
	buf_putc(&v->out, '[');
	for (uint32_t i = 0; i < rules; i++) {
		if (!hit[i])
			continue;
		json_comma(&v->out);
		json_string(&v->out, span_of(rules_name(v->rules, i)));
	}
	buf_putc(&v->out, ']');
}

static void json_item(struct view *v, const struct pin *pin, size_t number)
{
	CLEANUP_BUF struct buf words = BUF_INIT(0);
	const struct item *other = mistaken_for(v, number);
	char hash[2 * ITEM_HASH + 1];

	hash_text(pin->hash, hash);
	state_words(v, pin, &words);
	buf_puts(&v->out, v->first ? "{" : ",{");
	v->first = false;
	json_member_str(&v->out, "kind", item_kind_name(pin->kind));
	json_text_member(v, "name", pin->name);
	if (words.n > 0)
		json_text_member(v, "change", buf_span(&words));
	else if (!v->r->against)
		json_member_str(&v->out, "state", pin_state_name(pin->state));
	json_member_str(&v->out, "sha256", hash);
	json_text_member(v, "content", pin->content);
	json_hits(v, pin->content);
	if (other)
		json_text_member(v, "mistaken_for", other->name);
	buf_putc(&v->out, '}');
	flush(v);
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void show_field(void *context, struct span pointer, struct span was, struct span is)
{
	struct view *v = context;

	buf_puts(&v->out, "  ");
	show_plain(v, pointer.n ? pointer : SPAN("(all of it)"), NULL);
	buf_putc(&v->out, '\n');
	if (was.n > 0)
		show_content(v, was, (struct span){ 0 }, "  - ");
	if (is.n > 0)
		show_content(v, is, (struct span){ 0 }, "  + ");
	flush(v);
}

static void json_field(void *context, struct span pointer, struct span was, struct span is)
{
	struct view *v = context;

	buf_puts(&v->out, v->first ? "{" : ",{");
	v->first = false;
	json_text_member(v, "pointer", pointer);
	if (was.n > 0)
		json_text_member(v, "was", was);
	if (is.n > 0)
		json_text_member(v, "is", is);
	buf_putc(&v->out, '}');
	flush(v);
}

static void show_change(struct view *v, const struct pin *pin)
{
	CLEANUP_BUF struct buf words = BUF_INIT(0);
	const struct pin *old = v->r->against ? pins_find(v->r->against, pin->kind, pin->name) : NULL;
	struct span was = old ? old->content : (struct span){ 0 };
	struct span is = pin->state == PIN_GONE ? (struct span){ 0 } : pin->content;
	unsigned changes = 0;

	/* Twice: the words come before the fields. */
	if (change_compare(pin->kind, was, is, NULL, NULL, &changes) < 0)
		changes = CHANGE_OTHER;
	change_words(pin->kind, changes, &words);
	v->hidden = 0;
	if (!v->r->json) {
		show_name(v, pin->kind, pin->name);
		buf_printf(&v->out, ": %.*s\n", (int)words.n, words.p);
		if (changes != 0 && pin->state != PIN_GONE)
			(void)change_compare(pin->kind, was, is, show_field, v, &changes);
		if (v->hidden > 0)
			buf_printf(&v->out, "  ! %zu characters in it cannot be seen; they are shown as \\u{...}\n", v->hidden);
		buf_putc(&v->out, '\n');
		flush(v);
		return;
	}
	buf_puts(&v->out, v->first ? "{" : ",{");
	json_member_str(&v->out, "kind", item_kind_name(pin->kind));
	json_text_member(v, "name", pin->name);
	json_text_member(v, "change", buf_span(&words));
	json_key(&v->out, "fields");
	buf_putc(&v->out, '[');
	v->first = true;
	if (changes != 0)
		(void)change_compare(pin->kind, was, is, json_field, v, &changes);
	buf_puts(&v->out, "]}");
	v->first = false;
	flush(v);
}

/* ---- the process ------------------------------------------------------------------------------ */

/* Names that are alike are found by the manifest. */
static void find_alike(struct view *v)
{
	const struct pins *p = v->r->pins;

	v->manifest = manifest_new(PINS_OFF, NULL, NULL);
	v->alike = calloc(p->n + 1, sizeof *v->alike);
	if (!v->manifest || !v->alike)
		_exit(2);
	for (size_t i = 0; i < p->n; i++)
		if (manifest_pin(v->manifest, p->v[i].kind, p->v[i].name, p->v[i].content, p->v[i].hash, false, NULL) < 0)
			_exit(2);
	if (manifest_alike(v->manifest, v->alike) < 0)
		_exit(2);
}

static void print(struct view *v)
{
	const struct render *r = v->r;

	v->first = true;
	v->hit = calloc((v->rules ? rules_count(v->rules) : 0) + 1, sizeof *v->hit);
	if (!v->hit)
		_exit(2);
	if (r->what == RENDER_ITEMS)
		find_alike(v);
	if (r->json) {
		buf_putc(&v->out, '{');
		if (r->name)
			json_text_member(v, "name", span_of(r->name));
		if (r->hash)
			json_member_str(&v->out, "hash", r->hash);
		json_key(&v->out, "items");
		buf_putc(&v->out, '[');
	}
	for (size_t i = 0; i < r->pins->n; i++) {
		if (r->what == RENDER_CHANGES)
			show_change(v, &r->pins->v[i]);
		else if (r->json)
			json_item(v, &r->pins->v[i], i);
		else
			show_item(v, &r->pins->v[i], i);
	}
	if (r->json)
		buf_puts(&v->out, "]}\n");
	flush(v);
}

static _Noreturn void run(const struct render *r, const struct rule_list *list)
{
	const int keep[] = { r->fd };
	struct view v = { .r = r };
	struct error err;
	int abi;

	if (list->n > 0)
		v.rules = rules_compile(list, r->mediation->actions, r->mediation->actions_n, &err);
	if ((list->n > 0 && !v.rules) || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || texts_seal(&err) < 0 ||
	    confine_filter(keep, 1, apparmor_own(), &abi, &err) < 0)
		_exit(1);
	print(&v);
	_exit(0);
}

int render(const struct render *r, struct error *err)
{
	CLEANUP(rule_list_free) struct rule_list rules = { 0 };
	int status;

	if (r->mediation && rulefiles_load(r->mediation, geteuid(), false, &rules, err) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		run(r, &rules);
	if (pid < 0)
		return error_set(err, errno, "cannot fork the process that shows what a server wrote");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "cannot wait for a process");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return error_set(err, 0, "the process that shows what a server wrote cannot be confined");
	return error_set(err, 0, "what the server wrote cannot be shown");
}
