/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the server shows of itself goes through here on its way to the client: greetings and pages of lists are taken into the
 * manifest, what may not be shown is taken out of the answer, and what was found is reported to the monitor, which keeps the files.
 * Calls of tools and prompts that may not be used are refused. (The MCP specification, "Tools", "Prompts", "Resources",
 * "Pagination"; which items stand how is rpc/manifest.h's.)
 *
 * The pins come as the bytes of their file, read before this process was forked, and are taken apart only after it has been confined:
 * in them is what a server wrote.
 */
#include "session/mediate.h"

#include "rpc/change.h"
#include "rpc/near.h"
#include "session/texts.h"
#include "store/pins.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pinned {
	struct manifest *manifest;
	struct pins pins; /* borrowed from by the manifest */
	bool listed[ITEM_KINDS]; /* a page of it has been seen in this session */
	bool used; /* a tool has been called */
};

const struct manifest *pinned_manifest(const struct filter *f)
{
	return f->pinned->manifest;
}

static void on_finding(void *context, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	struct filter *f = context;
	struct record_item r = { .finding = (uint8_t)finding, .kind = (uint8_t)kind };
	struct span content = { 0 };
	unsigned changes = 0;

	if (f->plan->mediation.pins == PINS_OFF && finding != FINDING_DUPLICATE && finding != FINDING_UNFIT)
		return;
	copy_text(r.name, sizeof r.name, name.p ? name.p : "", name.n);
	if (finding == FINDING_FIRST || finding == FINDING_NEW || finding == FINDING_CHANGED) {
		content = item->offered;
		memcpy(r.hash, finding == FINDING_FIRST ? item->hash : item->offered_hash, sizeof r.hash);
	}
	if (finding == FINDING_CHANGED) {
		memcpy(r.was, item->hash, sizeof r.was);
		if (change_compare(kind, item->content, item->offered, NULL, NULL, &changes) < 0)
			changes = CHANGE_OTHER;
		r.changes = (uint8_t)changes;
	}
	report_item(f, &r, content);
}

int pinned_begin(struct filter *f, struct buf *text, struct error *err)
{
	const struct plan *plan = f->plan;
	struct pinned *p = calloc(1, sizeof *p);

	f->pinned = p;
	if (!p)
		return error_oom(err);
	p->manifest = manifest_new(plan->mediation.pins, on_finding, f);
	if (!p->manifest)
		return error_oom(err);
	if (text->n == 0 || plan->mediation.pins == PINS_OFF)
		return 0;
	if (pins_parse(text, &p->pins, err) < 0)
		return pins_damaged(plan->pins_folder, "current", err);
	for (size_t i = 0; i < p->pins.n; i++) {
		const struct pin *pin = &p->pins.v[i];
		if (manifest_pin(p->manifest, pin->kind, pin->name, pin->content, pin->hash, pin->state == PIN_REVIEWED,
				 err) < 0)
			return pins_damaged(plan->pins_folder, "current", err);
	}
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (p->pins.closed[k])
			manifest_close(p->manifest, (enum item_kind)k);
	return 0;
}

/*
 * A client that asked for some pages of a list and then called tools does not want the others. What it has seen is then the whole
 * of what is pinned, or a server could keep its list open for ever by always pointing to a further page.
 */
void pinned_end(struct filter *f)
{
	const struct pinned *p = f->pinned;

	if (f->plan->mediation.pins != PINS_FIRST_USE || !p->used)
		return;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (p->listed[k] && !manifest_closed(p->manifest, (enum item_kind)k))
			report_list(f, (enum item_kind)k, true);
}

/* ---- before the first review ----------------------------------------------------------------- */

/* A client has to be told that it is not spoken to, and may look at lists that are empty then. Calls have an answer of their own. */
static bool for_unseen(const char *method)
{
	static const char *const methods[] = {
		"initialize", "server/discover", "ping", "logging/setLevel", "tools/list", "prompts/list", "resources/templates/list",
		"tools/call", "prompts/get",
	};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

/* The code of an error says which versions the server speaks, and is no text. */
static int code_of(struct passage *p)
{
	const struct tree *t = passage_tree(p);
	uint32_t node = t ? tree_member(t, 0, "code") : TREE_NONE;
	char token[16] = "";

	if (t && tree_is(t, node, TREE_NUMBER) && tree_raw(t, node).n < sizeof token)
		copy_text(token, sizeof token, tree_raw(t, node).p, tree_raw(t, node).n);
	long code = strtol(token, NULL, 10);
	return code < INT_MIN || code > INT_MAX || code == 0 ? CODE_DENIED : (int)code;
}

enum fate pinned_unseen(struct passage *p)
{
	static const char words[] = "the user has not reviewed what this server offers yet. Do not try it again; the user can "
				    "review this server with \"mcpcage review\".";
	const char *rule = "pins: not reviewed";
	bool client = p->d == CLIENT_TO_SERVER;

	if (!manifest_unseen(p->f->pinned->manifest))
		return FATE_NEXT;
	switch (p->m.kind) {
	case MESSAGE_NOTIFICATION:
		return passage_drop(p, DROP_PINS, rule);
	case MESSAGE_REQUEST:
		if (client ? for_unseen(p->m.method) : strcmp(p->m.method, "ping") == 0)
			return FATE_NEXT;
		return passage_refuse(p, DROP_PINS, client ? CODE_DENIED : CODE_METHOD_NOT_FOUND, rule, "mcpcage refused this: %s", words);
	case MESSAGE_ERROR:
		return passage_refuse(p, DROP_PINS, code_of(p), rule, "mcpcage keeps back what the server says: %s", words);
	case MESSAGE_RESULT:
		break;
	}
	return FATE_NEXT;
}

/* ---- the client's requests -------------------------------------------------------------------- */

/* What the user, or the model for the user, can do about it. */
static const char *remedy(enum standing standing)
{
	switch (standing) {
	case STANDING_NEW:
	case STANDING_CHANGED:
		return "Do not try it again; the user can look at it with \"mcpcage diff\" and accept it with \"mcpcage pins accept\"";
	case STANDING_UNREVIEWED:
		return "Do not try it again; the user can review this server with \"mcpcage review\"";
	case STANDING_GONE:
	case STANDING_UNLISTED:
	case STANDING_KNOWN:
		break;
	}
	return "Use only what the server's lists show";
}

static const char *rule_of(enum standing standing)
{
	static const char *const words[] = {
		[STANDING_KNOWN] = "pins",           [STANDING_NEW] = "pins: new",
		[STANDING_CHANGED] = "pins: changed", [STANDING_UNREVIEWED] = "pins: not reviewed",
		[STANDING_GONE] = "pins: gone",       [STANDING_UNLISTED] = "not in any list",
	};
	return words[standing];
}

static enum fate refuse(struct passage *p, enum item_kind kind, struct span name, enum standing standing)
{
	const char *folder = p->f->plan->pins_folder;
	const char *key = folder ? strrchr(folder, '/') : NULL;
	bool held = standing == STANDING_NEW || standing == STANDING_CHANGED;
	CLEANUP_BUF struct buf near = BUF_INIT(1024);
	const char *names = "";

	/* A model that mistyped a name can mend that. */
	if (standing == STANDING_UNLISTED && near_names(p->f->pinned->manifest, kind, name, &near) > 0 && buf_str(&near))
		names = near.p;
	return passage_refuse(p, DROP_PINS, CODE_DENIED, rule_of(standing),
			      "mcpcage refused this: the %s \"%.*s\" may not be used, because %s. %s%s%s%s.%s%s%s",
			      item_kind_name(kind), (int)name.n, name.p, standing_text(standing), remedy(standing),
			      held && key ? " (" : "", held && key ? key + 1 : "", held && key ? ")" : "",
			      names[0] ? " There is " : "", names, names[0] ? "." : "");
}

static enum fate check_prompt(struct passage *p)
{
	const struct tree *t = passage_tree(p);
	uint32_t node = t ? tree_member(t, 0, "name") : TREE_NONE;

	if (p->body.n > 0 && !t)
		return passage_unreadable(p);
	if (!t || !tree_is(t, node, TREE_STRING))
		return passage_error(p, REFUSE_METHOD, CODE_INVALID_PARAMS, NULL,
				     "mcpcage: prompts/get needs params.name, a string");
	struct span name = tree_string_span(t, node, &p->scratch);
	enum standing standing = manifest_standing(p->f->pinned->manifest, ITEM_PROMPT, name, NULL);
	manifest_settle(p->f->pinned->manifest);
	if (standing == STANDING_KNOWN)
		return FATE_NEXT;
	if (name.n > ITEM_NAME_MAX)
		name.n = ITEM_NAME_MAX;
	return refuse(p, ITEM_PROMPT, name, standing);
}

enum fate pinned_request(struct passage *p)
{
	struct pinned *pinned = p->f->pinned;

	if (p->request.is_tool_call) {
		struct span name = span_of(p->m.name);
		enum standing standing = manifest_standing(pinned->manifest, ITEM_TOOL, name, NULL);
		pinned->used = true;
		manifest_settle(pinned->manifest);
		return standing == STANDING_KNOWN ? FATE_NEXT : refuse(p, ITEM_TOOL, name, standing);
	}
	if (strcmp(p->m.method, "prompts/get") == 0)
		return check_prompt(p);
	if (manifest_list_kind(p->m.method) == ITEM_KINDS || p->body.n == 0)
		return FATE_NEXT;
	const struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	p->request.cursor = manifest_cursor(t, 0, "cursor");
	return FATE_NEXT;
}

/* ---- the server's answers --------------------------------------------------------------------- */

static enum fate no_memory(struct passage *p)
{
	return passage_refuse(p, DROP_UNREADABLE, CODE_REPLY_REFUSED, NULL,
			      "mcpcage refused the server's answer: there is no memory to look at it");
}

enum fate pinned_answer(struct passage *p)
{
	struct filter *f = p->f;
	enum item_kind kind = manifest_list_kind(p->request.method);
	bool hello = strcmp(p->request.method, "initialize") == 0 || strcmp(p->request.method, "server/discover") == 0;
	bool whole = true;

	if (p->m.kind != MESSAGE_RESULT || (kind == ITEM_KINDS && !hello))
		return FATE_NEXT;
	if (!passage_tree(p))
		return passage_unreadable(p);
	if (hello) {
		if (manifest_hello(f->pinned->manifest, p->request.method, &p->tree, 0, p->offset, &p->edits) < 0)
			return no_memory(p);
		edit_sweep(&p->edits, p->offset, &p->tree, 0);
	} else {
		uint32_t items = manifest_items(&p->tree, 0, kind);
		if (items == TREE_NONE)
			return FATE_NEXT;
		if (manifest_list(f->pinned->manifest, kind, &p->tree, 0, p->request.cursor, &whole) < 0)
			return no_memory(p);
		f->pinned->listed[kind] = true;
		edit_sweep(&p->edits, p->offset, &p->tree, items);
	}
	if (f->plan->mediation.pins == PINS_OFF)
		return FATE_NEXT;
	/* A pinned identity in the place of another is looked at as if the server had sent it. */
	if (hello && edit_any(&p->edits)) {
		enum fate fate = texts_rewrite(p);
		if (fate != FATE_NEXT)
			return fate;
	}
	report_list(f, hello ? ITEM_INSTRUCTIONS : kind, whole);
	report_flush(f);
	return FATE_NEXT;
}
