/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage grant and revoke: something for the server of a session that runs, for a time, and taking it back. Only what is asked for is
 * read here; the session itself decides, by the policy that it was started with.
 */
#include "cli/cli.h"
#include "cli/instances.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "cage/cage.h"
#include "policy/keys.h"
#include "policy/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* grants.longest is an hour unless policy says otherwise: most things are done sooner. */
#define USUAL_TIME ((uint64_t)10 * 60 * 1000)

static int usage(struct error *err, enum command command, const char *what)
{
	error_set(err, 0, "%s", what);
	error_hint(err, "mcpcage %s", command_row(command)->usage);
	return error_kind(err, ERROR_USAGE);
}

static int read_time(const struct invocation *inv, uint64_t *time, struct error *err)
{
	const struct value_source source = { .origin = "--for" };
	struct value value = { 0 };

	*time = USUAL_TIME;
	if (!inv->time)
		return 0;
	int rc = value_parse(&policy_keys[KEY_GRANT_FOR], inv->time, &source, &value, err);
	if (rc == 0)
		*time = value.number;
	else
		error_prefix(err, "--for");
	value_free(&value);
	return rc;
}

/* An absolute path out of what --ro says. */
static int read_path(const char *text, struct control_request *request, struct error *err)
{
	CLEANUP_FREE char *cwd = getcwd(NULL, 0), *path = NULL;
	struct facts user = { 0 };

	if (facts_user(&user, environ, err) < 0)
		return -1;
	const struct value_source source = { .home = user.home_env ? user.home_env : user.home, .cwd = cwd, .origin = "--ro" };
	int rc = value_path(text, &source, &path, err);
	facts_free(&user);
	if (rc < 0)
		return error_prefix(err, "--ro");
	if ((size_t)snprintf(request->text, sizeof request->text, "%s", path) >= sizeof request->text)
		return error_set(err, ENAMETOOLONG, "--ro");
	request->ask = CONTROL_GRANT_PATH;
	return 0;
}

static int read_host(const char *text, struct control_request *request, struct error *err)
{
	if ((size_t)snprintf(request->text, sizeof request->text, "%s", text) >= sizeof request->text)
		return error_set(err, ENAMETOOLONG, "--host");
	request->ask = CONTROL_GRANT_HOST;
	return 0;
}

static int read_grant(const struct invocation *inv, struct control_request *request, struct error *err)
{
	if (inv->argv || inv->words_n != 1)
		return usage(err, COMMAND_GRANT, inv->words_n ? "there is a word too many" : "which session?");
	for (size_t i = 0; i < inv->options_n; i++)
		if (inv->options[i].key->id == KEY_FILES_WRITE)
			return usage(err, COMMAND_GRANT, "a running session is granted something to read, never to write");
		else if (inv->options[i].key->id != KEY_FILES_READ)
			return usage(err, COMMAND_GRANT, "grant takes --ro or --host, and --for");
	if (inv->options_n + (inv->host != NULL) != 1)
		return usage(err, COMMAND_GRANT, "what is to be granted? One --ro, or one --host");
	if (read_time(inv, &request->time, err) < 0)
		return -1;
	return inv->host ? read_host(inv->host, request, err) : read_path(inv->options[0].value, request, err);
}

/* Find the session that is meant and ask it. */
static int ask(const struct invocation *inv, struct control_request *request, struct control_reply *reply, struct error *err)
{
	CLEANUP(control_list_free) struct control_list list = { 0 };

	if (instances_find(&list, err) < 0)
		return -1;
	const struct control_instance *instance = instance_named(&list, inv->words[0], err);
	return instance ? control_request(instance, request, reply, err) : -1;
}

int command_grant(const struct invocation *inv)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct control_request request = { 0 };
	struct control_reply reply;
	struct error err;

	if (read_grant(inv, &request, &err) < 0 || ask(inv, &request, &reply, &err) < 0)
		return fail(&inv->log, &err);
	if (reply.say != CONTROL_IS_GRANT) {
		error_set(&err, 0, "the session's answer cannot be understood");
		return fail(&inv->log, &err);
	}
	if (inv->json) {
		buf_putc(&out, '{');
		grant_json(&out, &reply.grant);
		buf_puts(&out, "}\n");
	} else {
		buf_puts(&out, "grant ");
		grant_line(&out, &reply.grant);
	}
	return print_out(&out, &inv->log);
}

static int read_revoke(const struct invocation *inv, struct control_request *request, struct error *err)
{
	char *end = NULL;

	request->ask = CONTROL_REVOKE;
	if (inv->argv || inv->options_n)
		return usage(err, COMMAND_REVOKE, "revoke takes no command, and no option but --all");
	if (inv->words_n == 0)
		return usage(err, COMMAND_REVOKE, "which session?");
	if (inv->words_n + inv->all != 2)
		return usage(err, COMMAND_REVOKE, "which grant? Its number, or --all");
	if (inv->all)
		return 0;
	errno = 0;
	unsigned long id = strtoul(inv->words[1], &end, 10);
	if (errno || *end || inv->words[1][0] < '1' || inv->words[1][0] > '9' || id > UINT32_MAX)
		return usage(err, COMMAND_REVOKE, "a grant is named by its number, which \"mcpcage ps\" shows");
	request->id = (uint32_t)id;
	return 0;
}

int command_revoke(const struct invocation *inv)
{
	struct control_request request = { 0 };
	struct control_reply reply;
	struct error err;

	if (read_revoke(inv, &request, &err) < 0 || ask(inv, &request, &reply, &err) < 0)
		return fail(&inv->log, &err);
	if (reply.say != CONTROL_IS_END) {
		error_set(&err, 0, "the session's answer cannot be understood");
		return fail(&inv->log, &err);
	}
	if (reply.n == 0)
		log_line(&inv->log, "nothing was granted to this session");
	else
		log_line(&inv->log, "%" PRIu32 " %s taken back; what the server has open or has read of it, it keeps", reply.n,
			 reply.n == 1 ? "grant" : "grants");
	return 0;
}
