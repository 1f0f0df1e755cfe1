/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mcpcage ps: the sessions of this user that run, and what was granted to them since they were started. */
#include "cli/cli.h"
#include "cli/instances.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "policy/show.h"

#include <string.h>

/* The grants of INSTANCE, one after the other. One that does not answer meanwhile has ended. */
static void put_grants(struct buf *out, const struct control_instance *instance, bool json)
{
	struct control_request request = { .ask = CONTROL_NEXT };
	struct control_reply reply;
	struct error ignored;

	while (control_request(instance, &request, &reply, &ignored) == 0 && reply.say == CONTROL_IS_GRANT &&
	       reply.grant.id > request.id) {
		if (json) {
			json_comma(out);
			buf_putc(out, '{');
			grant_json(out, &reply.grant);
			buf_putc(out, '}');
		} else {
			buf_puts(out, "    ");
			grant_line(out, &reply.grant);
		}
		request.id = reply.grant.id;
	}
}

static void put_json(struct buf *out, const struct control_instance *instance)
{
	const struct control_session *s = &instance->session;

	json_comma(out);
	buf_putc(out, '{');
	json_member_str(out, "id", s->id);
	json_member_str(out, "server", s->server);
	json_member_i64(out, "pid", s->pid);
	json_member_time(out, "started", s->started);
	json_member_u64(out, "grants_longest_ms", s->longest);
	json_member_bool(out, "hosts", s->hosts);
	json_key(out, "grants");
	buf_putc(out, '[');
	put_grants(out, instance, true);
	buf_puts(out, "]}");
}

static void put_line(struct buf *out, const struct control_instance *instance)
{
	const struct control_session *s = &instance->session;

	buf_printf(out, "%s  ", s->id);
	show_text(out, s->server);
	buf_printf(out, "  pid %d, since ", s->pid);
	put_time(out, s->started);
	if (s->longest == 0)
		buf_puts(out, ", nothing can be granted (grants.longest)");
	buf_putc(out, '\n');
	put_grants(out, instance, false);
}

int command_ps(const struct invocation *inv)
{
	CLEANUP(control_list_free) struct control_list list = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct error err;

	if (inv->argv || inv->words_n || inv->options_n) {
		error_set(&err, 0, "ps takes no words, and no option but --json");
		error_kind(&err, ERROR_USAGE);
		return fail(&inv->log, &err);
	}
	if (instances_find(&list, &err) < 0)
		return fail(&inv->log, &err);
	if (inv->json)
		buf_puts(&out, "{\"sessions\":[");
	for (size_t i = 0; i < list.n; i++)
		(inv->json ? put_json : put_line)(&out, &list.v[i]);
	if (inv->json)
		buf_puts(&out, "]}\n");
	else if (list.n == 0)
		log_line(&inv->log, "no session runs that could be asked");
	return print_out(&out, &inv->log);
}
