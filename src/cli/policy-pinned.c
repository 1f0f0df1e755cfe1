/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the pins of a server say to a call, for `mcpcage policy test`. In the pins is what a server wrote, so they are taken apart in
 * a child that is confined as the mediator's filter is, and what comes back is one struct of fixed size, of which the parent
 * believes nothing but numbers and shows the text as a stranger's.
 */
#include "cli/policy-test.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"
#include "rpc/manifest.h"
#include "rpc/rule-schemas.h"
#include "store/approvals.h"
#include "store/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- in the child -------------------------------------------------------------------------------- */

static void no_finding(void *context, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	(void)context, (void)finding, (void)kind, (void)name, (void)item;
}

static enum pinned_state check_arguments(const struct mediation *m, const struct item *tool, struct span arguments,
					 struct schema_failure *why)
{
	CLEANUP(tree_free) struct tree item = { 0 };
	CLEANUP(tree_free) struct tree instance = { 0 };
	struct error err;
	bool given;

	if (tree_parse(&item, tool->content, 0) != TREE_OK || tree_parse(&instance, arguments, 0) != TREE_OK)
		return PINNED_UNREADABLE;
	CLEANUP(schema_freep) struct schema *schema = tool_schema(&item, "inputSchema", m, &given, &err);
	if (!schema) {
		snprintf(why->text, sizeof why->text, "%.700s", given ? err.what : "it has none");
		return m->schema_unchecked ? PINNED_UNCHECKED : PINNED_UNREADABLE;
	}
	return schema_check(schema, &instance, 0, why) == 0 ? PINNED_SATISFIED : PINNED_FAILED;
}

static void look(const struct plan *plan, struct buf *text, struct span tool, struct span arguments, struct pinned_answer *out)
{
	CLEANUP(pins_free) struct pins pins = { 0 };
	struct manifest *manifest = manifest_new(plan->mediation.pins, no_finding, NULL);
	const struct item *item = NULL;
	struct error err;

	out->state = PINNED_DAMAGED;
	if (!manifest || (text->n > 0 && pins_parse(text, &pins, &err) < 0))
		return;
	for (size_t i = 0; i < pins.n; i++) {
		const struct pin *pin = &pins.v[i];
		if (manifest_pin(manifest, pin->kind, pin->name, pin->content, pin->hash, pin->state == PIN_REVIEWED, &err) < 0)
			return;
	}
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (pins.closed[k])
			manifest_close(manifest, (enum item_kind)k);
	out->standing = manifest_standing(manifest, ITEM_TOOL, tool, &item);
	out->state = PINNED_REFUSED;
	/* The server is not asked: what is pinned is taken to be offered. */
	bool open = !manifest_closed(manifest, ITEM_TOOL) && plan->mediation.pins == PINS_FIRST_USE;
	if (!item || !item->pinned) {
		out->state = open ? PINNED_UNKNOWN : PINNED_REFUSED;
	} else if (out->standing == STANDING_KNOWN) {
		memcpy(out->pin, item->hash, sizeof out->pin);
		out->state = arguments.n > 0 ? check_arguments(&plan->mediation, item, arguments, &out->why) : PINNED_KNOWN;
	}
}

static _Noreturn void child(int fd, const struct plan *plan, struct buf *text, const char *tool, struct span arguments)
{
	struct pinned_answer answer = { 0 };
	struct error err;
	int abi;

	if (confine_filter(&fd, 1, apparmor_own(), &abi, &err) < 0)
		_exit(1);
	look(plan, text, span_of(tool), arguments, &answer);
	_exit(fd_write_all(fd, &answer, sizeof answer) < 0);
}

/* ---- in the parent ------------------------------------------------------------------------------- */

static int ask_child(const struct plan *plan, struct buf *text, const char *tool, struct span arguments,
		     struct pinned_answer *out, struct error *err)
{
	CLEANUP_BUF struct buf answer = BUF_INIT(sizeof *out + 1);
	/* What the child wipes of its memory must not be what it is asked. */
	CLEANUP_FREE char *name = strdup(tool);
	int fds[2], status = 0;

	if (!name)
		return error_oom(err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	CLEANUP_CLOSE int from = fds[0];
	pid_t pid = fork();
	if (pid == 0)
		child(fds[1], plan, text, name, arguments);
	close(fds[1]);
	if (pid < 0)
		return error_set(err, errno, "cannot start a process");
	int rc = fd_read_all(from, &answer);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0 || answer.n != sizeof *out || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, 0, "cannot look at the pins in %s", plan->pins_folder);
	memcpy(out, answer.p, sizeof *out);
	out->why.text[sizeof out->why.text - 1] = '\0';
	out->why.pointer[sizeof out->why.pointer - 1] = '\0';
	out->why.keyword[sizeof out->why.keyword - 1] = '\0';
	if (out->state >= PINNED_STATES || out->standing > STANDING_UNLISTED)
		return error_set(err, 0, "cannot look at the pins in %s", plan->pins_folder);
	return 0;
}

int pinned_check(const struct plan *plan, const char *tool, struct span arguments, struct pinned_answer *out,
		 struct error *err)
{
	CLEANUP_BUF struct buf text = { 0 };

	*out = (struct pinned_answer){ .state = PINNED_NONE };
	if (!plan->pins_folder || plan->mediation.pins == PINS_OFF)
		return 0;
	int rc = pins_load_text(plan->pins_folder, &text, err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		out->state = plan->mediation.pins == PINS_REVIEW ? PINNED_REFUSED : PINNED_NONE;
		out->standing = STANDING_UNREVIEWED;
		return 0;
	}
	if (ask_child(plan, &text, tool, arguments, out, err) < 0)
		return -1;
	return out->state == PINNED_DAMAGED ? pins_damaged(plan->pins_folder, "current", err) : 0;
}

int pinned_memory(const struct plan *plan, const char *tool, const uint8_t pin[32], const uint8_t scope[32], bool *used,
		  bool *always, struct error *err)
{
	static const uint8_t use[32];
	CLEANUP(approvals_free) struct approvals approvals = { 0 };

	*used = *always = false;
	if (!plan->pins_folder)
		return 0;
	if (approvals_load(plan->pins_folder, &approvals, err) < 0)
		return -1;
	const struct approval *past = approvals_find(&approvals, tool, use);
	*used = past && memcmp(past->pin, pin, sizeof past->pin) == 0;
	*always = approval_stands(approvals_find(&approvals, tool, scope), pin, (int64_t)time(NULL));
	return 0;
}
