/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the monitor writes down: a line of JSON for each thing that happened, and on standard error the few that a person should
 * see. Strings come from records, so they are bounded, terminated and escaped on the way out, never interpreted. Values of
 * environment variables and arguments of calls are not written at all.
 */
#include "session/monitor.h"

#include "base/json-out.h"
#include "rpc/change.h"
#include "rpc/question.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Refusals shown to the person before only the audit log gets them. */
#define REFUSALS_SHOWN 20
/* Refusals written to the audit log; a hostile server could fill the disk with more. The end's record has their number. */
#define REFUSALS_WRITTEN 1000
/* The same of what a server has asked of the client. */
#define ASKED_WRITTEN 1000
/* The same for what is found about the pins. */
#define ITEMS_SHOWN 20
#define ITEMS_WRITTEN (2 * MANIFEST_ITEMS)

/* The same for records about texts. */
#define TEXTS_SHOWN 20
#define TEXTS_WRITTEN 10000

static const char *const text_places[] = { "description", "result", "argument" };

void journal_write(struct session *s)
{
	struct error err;

	if (audit_end(&s->audit, &s->line, &err) == 0)
		return;
	/* Once: a full disk would otherwise say so for each call. */
	log_error(s->log, &err);
	audit_close(&s->audit);
	if (s->plan->require & LAYER_AUDIT) {
		s->broken = true;
		s->error = err;
	}
}

static const char *cgroup_word(enum cgroup_how how)
{
	switch (how) {
	case CGROUP_SCOPE:
		return "scope";
	case CGROUP_DELEGATED:
		return "delegated";
	case CGROUP_NONE:
		break;
	}
	return "none";
}

static const char *layer_of(unsigned bit)
{
	return layer_name((enum layer)bit);
}

/* The names of a set of bits, as an array. */
static void member_names(struct buf *b, const char *key, unsigned bits, const char *name_of(unsigned bit))
{
	json_key(b, key);
	buf_putc(b, '[');
	for (unsigned bit = 1; bit && bit <= bits; bit <<= 1) {
		const char *name = bits & bit ? name_of(bit) : NULL;
		if (!name)
			continue;
		json_comma(b);
		json_string(b, span_of(name));
	}
	buf_putc(b, ']');
}

void journal_start(struct session *s)
{
	const struct plan *plan = s->plan;

	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "start");
	json_member_str(&s->line, "version", PACKAGE_VERSION);
	json_member_i64(&s->line, "pid", getpid());
	json_member_i64(&s->line, "cage_pid", s->init.pid);
	member_names(&s->line, "layers", plan->layers, layer_of);
	json_key(&s->line, "missing");
	buf_putc(&s->line, '[');
	for (size_t i = 0; i < plan->missing.n; i++) {
		json_comma(&s->line);
		json_string(&s->line, span_of(plan->missing.v[i]));
	}
	buf_putc(&s->line, ']');
	json_member_u64(&s->line, "landlock_abi", (uint64_t)plan->landlock_abi);
	json_member_u64(&s->line, "filter_landlock_abi", s->filter.ready.landlock);
	if (plan->network == NETWORK_NAMES)
		json_member_u64(&s->line, "egress_landlock_abi", s->egress.ready.landlock);
	json_member_str(&s->line, "cgroup", cgroup_word(s->cgroup.how));
	member_names(&s->line, "cgroup_limits", s->cgroup.limits, cgroup_limit_name);
	json_key(&s->line, "plan");
	plan_json(plan, &s->line);
	journal_write(s);
}

/*
 * What the server's group has used since the last call that was written: of calls that ran at once, the first to be written has the
 * time of all. Nothing where there is no group.
 */
static void member_call_usage(struct session *s)
{
	uint64_t peak, cpu, kills;

	if (s->cgroup.fd < 0)
		return;
	cgroup_usage(&s->cgroup, &peak, &cpu, &kills);
	if (cpu >= s->call_cpu_us)
		json_member_u64(&s->line, "cpu_us", cpu - s->call_cpu_us);
	if (peak)
		json_member_u64(&s->line, "memory_peak_bytes", peak);
	if (kills > s->call_oom_kills)
		json_member_u64(&s->line, "oom_kills", kills - s->call_oom_kills);
	if (cpu)
		s->call_cpu_us = cpu;
	s->call_oom_kills = kills > s->call_oom_kills ? kills : s->call_oom_kills;
}

void journal_call(struct session *s, const struct record_call *r)
{
	static const char *const events[] = {
		[CALL_OF_METHOD] = "request", [CALL_OF_TOOL] = "call", [CALL_OF_SERVER] = "server request",
	};
	const bool tool = r->of == CALL_OF_TOOL;

	if (r->of == CALL_OF_SERVER && ++s->asked > ASKED_WRITTEN)
		return;
	if (r->end == CALL_NO_SERVER && r->of != CALL_OF_SERVER)
		s->unanswered++;
	if (r->end == CALL_DENIED && tool)
		log_line(s->log, "denied a call of the tool %s (%s)", r->name, r->rule);
	else if (r->end == CALL_TIMEOUT)
		log_line(s->log, "%s %s did not answer within %llu ms", tool ? "the tool" : "the request", r->name,
			 (unsigned long long)r->duration);
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, events[r->of]);
	json_member_str(&s->line, tool ? "tool" : "method", r->name);
	json_member_str(&s->line, "verdict", r->end == CALL_DENIED ? "deny" : r->end == CALL_ASKED ? "ask" : "allow");
	json_member_str(&s->line, "end", call_end_name((enum call_end)r->end));
	if (r->rule[0])
		json_member_str(&s->line, "rule", r->rule);
	json_member_u64(&s->line, "duration_ms", r->duration);
	json_member_u64(&s->line, "request_bytes", r->request_bytes);
	json_member_u64(&s->line, "reply_bytes", r->reply_bytes);
	if (tool)
		member_call_usage(s);
	journal_write(s);
}

void journal_refused(struct session *s, const struct record_refused *r)
{
	const char *from = r->direction == CLIENT_TO_SERVER ? "client" : "server";

	s->refusals++;
	if (s->refusals <= REFUSALS_SHOWN) {
		log_line(s->log, "refused a message of the %s: %s%s%s%s%s%s (byte %llu of %llu)", from,
			 drop_text(r->why), r->detail[0] ? ": " : "", r->detail, r->method[0] ? " (" : "", r->method,
			 r->method[0] ? ")" : "", (unsigned long long)r->offset, (unsigned long long)r->length);
		if (s->refusals == REFUSALS_SHOWN)
			log_line(s->log, "further refusals are written to the audit log only");
	}
	if (s->refusals == REFUSALS_WRITTEN + 1)
		journal_note(s, "refusals", "further refusals are counted only");
	if (s->audit.fd < 0 || s->refusals > REFUSALS_WRITTEN)
		return;
	audit_begin(&s->audit, &s->line, "refused");
	json_member_str(&s->line, "from", from);
	json_member_str(&s->line, "reason", drop_text(r->why));
	if (r->detail[0])
		json_member_str(&s->line, "detail", r->detail);
	if (r->method[0])
		json_member_str(&s->line, "method", r->method);
	json_member_u64(&s->line, "offset", r->offset);
	json_member_u64(&s->line, "bytes", r->length);
	json_member_bool(&s->line, "answered", r->answered);
	journal_write(s);
}

/* What a person should see of the pins. */
static void tell_item(struct session *s, const struct record_item *r, const char *what, const char *key)
{
	const char *kind = item_kind_name((enum item_kind)r->kind);
	const char *name = r->kind == ITEM_IDENTITY || r->kind == ITEM_INSTRUCTIONS ? "" : r->name;
	const char *open = name[0] ? " \"" : "", *close = name[0] ? "\"" : "";
	enum finding finding = (enum finding)r->finding;

	if (finding != FINDING_NEW && finding != FINDING_CHANGED && finding != FINDING_DUPLICATE && finding != FINDING_UNFIT)
		return;
	bool unreviewed = s->plan->mediation.pins == PINS_REVIEW && s->pinning.text.n == 0 && finding == FINDING_NEW;
	s->items_told++;
	if (unreviewed) {
		if (s->items_told == 1)
			log_line(s->log, "nothing that this server offers has been reviewed yet, so nothing of it passes; review it with: "
				 "mcpcage review, the same options, -- and the same command");
		return;
	}
	if (s->items_told > ITEMS_SHOWN)
		return;
	if (s->items_told == ITEMS_SHOWN)
		log_line(s->log, "more about the pins is in the audit log, and in: mcpcage diff %s", key);
	else if (finding == FINDING_DUPLICATE)
		log_line(s->log, "the server lists the %s%s%s%s twice: the second one is hidden", kind, open, name, close);
	else if (finding == FINDING_UNFIT)
		log_line(s->log, "the server lists a %s that cannot be pinned: it is hidden", kind);
	else
		log_line(s->log, "held: the %s%s%s%s %s%s%s%s; look at it with: mcpcage diff %s; accept it with: mcpcage pins "
			 "accept %s", kind, open, name, close, finding == FINDING_NEW ? "is new" : "has changed",
			 what[0] ? " (" : "", what, what[0] ? ")" : "", key, key);
}

static void member_hash(struct buf *b, const char *key, const uint8_t hash[ITEM_HASH])
{
	char text[2 * ITEM_HASH + 1];

	for (size_t i = 0; i < ITEM_HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	json_member_str(b, key, text);
}

static void member_cleaned(struct buf *b, const struct record_text *r)
{
	json_key(b, "removed");
	buf_putc(b, '{');
	if (r->control)
		json_member_u64(b, "control", r->control);
	if (r->invisible)
		json_member_u64(b, "invisible", r->invisible);
	if (r->direction)
		json_member_u64(b, "direction", r->direction);
	if (r->hidden_data)
		json_member_u64(b, "hidden_data", r->hidden_data);
	if (r->breaks)
		json_member_u64(b, "breaks", r->breaks);
	buf_putc(b, '}');
}

/* A person is told of what was kept from the client, and of what was found in the server's own words. */
static void tell_text(struct session *s, const struct record_text *r)
{
	const char *place = text_places[r->where];

	if (r->what == TEXT_COMMAND && r->limit)
		log_line(s->log, "the text command failed, %s: a message (%s of %s) was refused", r->rule, place,
			 r->subject);
	else if (r->what == TEXT_HIT && (r->action != RULE_NOTE || r->where == 0))
		log_line(s->log, "rule %s: %s in a %s of %s", r->rule,
			 r->action == RULE_BLOCK ? "blocked" : r->action == RULE_REDACT ? "removed text" : "a hit", place,
			 r->subject);
}

void journal_text(struct session *s, const struct record_text *r)
{
	static const char *const events[] = {
		[TEXT_CLEANED] = "cleaned", [TEXT_HIT] = "rule", [TEXT_COMMAND] = "text command",
	};
	static const char *const actions[] = {
		[RULE_BLOCK] = "block", [RULE_REDACT] = "redact", [RULE_NOTE] = "note", [RULE_OFF] = "off",
	};

	s->texts_written++;
	if (s->texts_written <= TEXTS_SHOWN)
		tell_text(s, r);
	if (s->texts_written == TEXTS_WRITTEN + 1)
		journal_note(s, "texts", "further records about texts are not written");
	if (s->audit.fd < 0 || s->texts_written > TEXTS_WRITTEN)
		return;
	audit_begin(&s->audit, &s->line, events[r->what]);
	json_member_str(&s->line, "where", text_places[r->where]);
	json_member_str(&s->line, "subject", r->subject);
	if (r->what == TEXT_CLEANED) {
		member_cleaned(&s->line, r);
	} else {
		json_member_str(&s->line, r->what == TEXT_HIT ? "rule" : "reason", r->rule);
		json_member_str(&s->line, "action", actions[r->action]);
		if (r->what == TEXT_HIT)
			json_member_u64(&s->line, "count", r->count);
		if (r->limit)
			json_member_bool(&s->line, r->what == TEXT_HIT ? "limit" : "failed", true);
	}
	journal_write(s);
}

void journal_item(struct session *s, const struct record_item *r)
{
	static const char *const words[FINDINGS_] = {
		[FINDING_FIRST] = "pinned",      [FINDING_NEW] = "held",         [FINDING_CHANGED] = "held",
		[FINDING_GONE] = "gone",         [FINDING_AGAIN] = "again",      [FINDING_DUPLICATE] = "shadow",
		[FINDING_UNFIT] = "unfit",
	};
	CLEANUP_BUF struct buf what = BUF_INIT(256);
	const char *folder = s->plan->pins_folder, *slash = folder ? strrchr(folder, '/') : NULL;

	if (r->finding == FINDING_CHANGED)
		change_words((enum item_kind)r->kind, r->changes, &what);
	else if (r->finding == FINDING_NEW)
		change_words((enum item_kind)r->kind, CHANGE_NEW, &what);
	const char *change = what.n ? buf_str(&what) : NULL;
	tell_item(s, r, r->finding == FINDING_CHANGED && change ? change : "", slash ? slash + 1 : "");
	if (s->audit.fd < 0 || s->items_written > ITEMS_WRITTEN)
		return;
	if (s->items_written++ == ITEMS_WRITTEN) {
		journal_note(s, "pins", "further findings about the pins are not written");
		return;
	}
	audit_begin(&s->audit, &s->line, words[r->finding]);
	json_member_str(&s->line, "kind", item_kind_name((enum item_kind)r->kind));
	json_member_str(&s->line, "name", r->name);
	if (r->finding == FINDING_CHANGED)
		member_hash(&s->line, "was", r->was);
	if (r->total > 0)
		member_hash(&s->line, "hash", r->hash);
	if (change)
		json_member_str(&s->line, "change", change);
	journal_write(s);
}

void journal_asked(struct session *s, const struct record_asked *r)
{
	const char *answer = answer_name((enum answer)r->answer);

	log_detail(s->log, "asked about a call of the tool %s: %s", r->tool, answer);
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "ask");
	json_member_str(&s->line, "tool", r->tool);
	json_member_str(&s->line, "through", r->road == ROAD_CLIENT ? "client" : s->plan->mediation.ask_with.n ? "helper" : "terminal");
	json_member_str(&s->line, "answer", answer);
	json_member_str(&s->line, "reason", r->reason);
	journal_write(s);
}

void journal_alarm_members(struct buf *b, const struct record_alarm *r)
{
	static const char *const done[] = { [BREACH_STOP] = "stop", [BREACH_HOLD] = "hold", [BREACH_NOTE] = "note" };

	json_member_str(b, "alarm", alarm_name((enum alarm_kind)r->kind));
	if (r->tool[0])
		json_member_str(b, "tool", r->tool);
	json_member_u64(b, "value", r->value);
	json_member_u64(b, "limit", r->limit);
	json_member_str(b, "breach", done[r->breach]);
}

void journal_alarm(struct session *s, const struct record_alarm *r)
{
	log_line(s->log, "alarm: %s%s%s: %llu, where the limit is %llu%s", alarm_name((enum alarm_kind)r->kind),
		 r->tool[0] ? ", tool " : "", r->tool, (unsigned long long)r->value, (unsigned long long)r->limit,
		 r->breach == BREACH_STOP ? "; the session is ended" : r->breach == BREACH_HOLD ? "; calls are held" : "");
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "alarm");
	journal_alarm_members(&s->line, r);
	journal_write(s);
}

/* Names that are shown to the person, and connections that are written down; the end's record has their number. */
#define NAMES_SHOWN 20
#define CONNECTIONS_WRITTEN 20000

static void tell_name(struct session *s, const struct record_name_refused *r)
{
	char port[8] = "";

	if (r->port)
		snprintf(port, sizeof port, ":%u", r->port);
	switch ((enum name_refusal)r->why) {
	case NAME_NOT_ALLOWED:
		log_line(s->log, "the server asked for %s%s%s%s, which is not allowed; --allow-host %s%s%s%s would allow it",
			 r->port && strchr(r->name, ':') ? "[" : "", r->name, r->port && strchr(r->name, ':') ? "]" : "", port,
			 r->port && strchr(r->name, ':') ? "[" : "", r->name, r->port && strchr(r->name, ':') ? "]" : "", port);
		break;
	case NAME_UNREADABLE:
		log_line(s->log, "the server asked for \"%s\", which is no host name", r->name);
		break;
	case NAME_ADDRESS:
		log_line(s->log, "%s was not connected to: %s; --allow-private with a range of addresses would allow it", r->name,
			 r->detail);
		break;
	case NAME_POOL:
	case NAME_REFUSALS_:
		log_line(s->log, "the server asked for %s%s: %s", r->name, port, name_refusal_text((enum name_refusal)r->why));
		break;
	}
}

void journal_name_refused(struct session *s, const struct record_name_refused *r)
{
	s->names_told++;
	if (s->names_told <= NAMES_SHOWN)
		tell_name(s, r);
	if (s->names_told == NAMES_SHOWN)
		log_line(s->log, "further hosts that are not allowed are written to the audit log only");
	if (s->audit.fd < 0)
		return;
	/* Egress tells of a bounded number. */
	audit_begin(&s->audit, &s->line, "host refused");
	json_member_str(&s->line, "host", r->name);
	if (r->port)
		json_member_u64(&s->line, "port", r->port);
	json_member_str(&s->line, "reason", name_refusal_text((enum name_refusal)r->why));
	if (r->detail[0])
		json_member_str(&s->line, "detail", r->detail);
	journal_write(s);
}

void journal_connection(struct session *s, const struct record_connection *r)
{
	struct ip_address address = { .family = r->family };
	char text[IP_TEXT_SIZE] = "";
	const char *end = connection_end_text((enum connection_end)r->end);

	memcpy(address.bytes, r->address, sizeof address.bytes);
	if (r->family)
		ip_address_text(&address, text);
	log_detail(s->log, "connection to %s, port %u%s%s: %s%s%s", r->name[0] ? r->name : text, r->port, r->name[0] && text[0] ? ", at " : "",
		   r->name[0] ? text : "", end, r->detail[0] ? ": " : "", r->detail);
	if (r->end == CONNECTION_SNI || r->end == CONNECTION_ECH || r->end == CONNECTION_HELLO)
		log_line(s->log, "cut a connection to %s: %s (%s)", r->name, end, r->detail);
	if (s->connections_written++ == CONNECTIONS_WRITTEN)
		journal_note(s, "connections", "further connections are counted only");
	if (s->audit.fd < 0 || s->connections_written > CONNECTIONS_WRITTEN)
		return;
	audit_begin(&s->audit, &s->line, "connection");
	json_member_str(&s->line, "host", r->name[0] ? r->name : text);
	if (text[0])
		json_member_str(&s->line, "address", text);
	json_member_u64(&s->line, "port", r->port);
	json_member_str(&s->line, "end", end);
	if (r->detail[0])
		json_member_str(&s->line, "detail", r->detail);
	if (r->grant)
		json_member_u64(&s->line, "grant", r->grant);
	json_member_u64(&s->line, "sent", r->sent);
	json_member_u64(&s->line, "received", r->received);
	json_member_u64(&s->line, "duration_ms", r->duration);
	journal_write(s);
}

static void member_traffic(struct session *s)
{
	const struct record_traffic *t = &s->traffic;

	json_key(&s->line, "network");
	buf_putc(&s->line, '{');
	json_member_u64(&s->line, "connections", t->connections);
	json_member_u64(&s->line, "failed", t->failed);
	json_member_u64(&s->line, "sent", t->sent);
	json_member_u64(&s->line, "received", t->received);
	json_member_u64(&s->line, "names", t->names);
	json_member_u64(&s->line, "queries", t->queries);
	json_member_u64(&s->line, "queries_refused", t->refused);
	json_member_u64(&s->line, "unreported", t->unreported);
	buf_putc(&s->line, '}');
}

void journal_note(struct session *s, const char *event, const char *text)
{
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, event);
	if (text)
		json_member_str(&s->line, "text", text);
	journal_write(s);
}

static void member_totals(struct session *s, const char *key, enum direction d)
{
	json_key(&s->line, key);
	buf_putc(&s->line, '{');
	json_member_u64(&s->line, "messages", s->totals.messages[d]);
	json_member_u64(&s->line, "bytes", s->totals.bytes[d]);
	json_member_u64(&s->line, "refused", s->totals.refused[d]);
	buf_putc(&s->line, '}');
}

static void member_usage(struct session *s)
{
	struct rusage used = { 0 };
	uint64_t cpu = s->cpu_us;

	getrusage(RUSAGE_CHILDREN, &used);
	if (cpu == 0)
		cpu = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		      (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	json_key(&s->line, "usage");
	buf_putc(&s->line, '{');
	json_member_u64(&s->line, "cpu_us", cpu);
	json_member_u64(&s->line, "largest_process_kib", (uint64_t)used.ru_maxrss);
	if (s->memory_peak)
		json_member_u64(&s->line, "memory_peak_bytes", s->memory_peak);
	if (s->oom_kills)
		json_member_u64(&s->line, "oom_kills", s->oom_kills);
	if (s->freeze.times) {
		json_member_u64(&s->line, "frozen_times", s->freeze.times);
		json_member_u64(&s->line, "frozen_ms", s->freeze.total_ms);
		json_member_str(&s->line, "frozen_by", s->freeze.by_signals ? "signals" : "cgroup");
	}
	buf_putc(&s->line, '}');
}

void journal_end(struct session *s, int status)
{
	if (s->audit.fd < 0)
		return;
	audit_begin(&s->audit, &s->line, "end");
	json_member_i64(&s->line, "status", status);
	if (s->server_exited && WIFSIGNALED(s->server_status))
		json_member_i64(&s->line, "server_signal", WTERMSIG(s->server_status));
	if (s->ending)
		json_member_str(&s->line, "reason", s->ending);
	if (s->broken)
		json_member_str(&s->line, "error", s->error.what);
	json_member_u64(&s->line, "duration_ms", session_now() - s->started);
	member_totals(s, "client_to_server", CLIENT_TO_SERVER);
	member_totals(s, "server_to_client", SERVER_TO_CLIENT);
	json_member_u64(&s->line, "noise_lines", s->totals.noise_lines);
	json_member_u64(&s->line, "stderr_bytes", s->totals.stderr_bytes);
	json_member_u64(&s->line, "stderr_dropped", s->totals.stderr_dropped);
	if (s->plan->network == NETWORK_NAMES)
		member_traffic(s);
	member_usage(s);
	journal_write(s);
}
