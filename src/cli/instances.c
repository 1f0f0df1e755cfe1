/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking for sessions in every folder in which they may have their sockets; see store/runtime.h. Names of servers are not trusted. */
#include "cli/instances.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "policy/show.h"
#include "store/runtime.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int instances_find(struct control_list *list, struct error *err)
{
	CLEANUP_STRLIST struct strlist folders = { 0 };

	if (runtime_list(environ, geteuid(), &folders, err) < 0)
		return -1;
	for (size_t i = 0; i < folders.n; i++)
		if (control_find(folders.v[i], list, err) < 0)
			return -1;
	return 0;
}

/* How well NAME names it: 0 not at all, then a part of the server's name, the whole name, an id. */
static int match(const struct control_session *session, const char *name)
{
	size_t n = strlen(name);

	if (n >= 4 && strncmp(session->id, name, n) == 0)
		return 3;
	if (strcmp(session->server, name) == 0)
		return 2;
	return strstr(session->server, name) ? 1 : 0;
}

const struct control_instance *instance_named(const struct control_list *list, const char *name, struct error *err)
{
	CLEANUP_BUF struct buf matches = BUF_INIT(300);
	const struct control_instance *found = NULL;
	int best = 1;
	size_t n = 0;

	for (size_t i = 0; *name && i < list->n; i++) {
		int how = match(&list->v[i].session, name);
		if (how < best)
			continue;
		if (how > best) {
			n = 0;
			buf_clear(&matches);
		}
		best = how;
		found = &list->v[i];
		buf_printf(&matches, "%s%s", n++ ? ", " : "", found->session.id);
	}
	if (n == 1)
		return found;
	if (n == 0) {
		error_set(err, 0, "no session with the id or name %.200s runs", name);
		error_hint(err, "\"mcpcage ps\" lists those that run");
	} else {
		error_set(err, 0, "%.200s can be several sessions: %s", name, matches.full ? "see mcpcage ps" : buf_str(&matches));
	}
	return NULL;
}

static void time_text(int64_t seconds, char text[40])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	text[0] = '\0';
	if (!gmtime_r(&t, &tm) || strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(text, "?", 2);
}

void put_time(struct buf *out, int64_t seconds)
{
	char text[40];

	time_text(seconds, text);
	buf_puts(out, text);
}

void json_member_time(struct buf *out, const char *key, int64_t seconds)
{
	char text[40];

	time_text(seconds, text);
	json_member_str(out, key, text);
}

void grant_json(struct buf *out, const struct control_grant *g)
{
	json_member_u64(out, "grant", g->id);
	json_member_str(out, "kind", grant_kind_name((enum grant_kind)g->kind));
	json_member_str(out, "what", g->what);
	if (g->kind == GRANT_PATH) {
		json_member_str(out, "place", g->place);
		json_member_bool(out, "linked", g->linked);
	}
	json_member_time(out, "since", g->since);
	if (g->until)
		json_member_time(out, "until", g->until);
	else
		json_member_str(out, "until", NULL);
}

void grant_line(struct buf *out, const struct control_grant *g)
{
	buf_printf(out, "%" PRIu32 "  %s ", g->id, g->kind == GRANT_PATH ? "reads" : "host");
	show_text(out, g->what);
	if (g->kind == GRANT_PATH && strcmp(g->what, g->place) != 0) {
		buf_puts(out, ", which it sees at ");
		show_text(out, g->place);
		if (g->linked)
			buf_puts(out, ", and by a symlink at its own path");
	}
	buf_puts(out, ", until ");
	if (g->until)
		put_time(out, g->until);
	else
		buf_puts(out, "the session ends");
	buf_putc(out, '\n');
}
