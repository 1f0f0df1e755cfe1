/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks: a call may be answered by a promise, and its result comes by another request, or a notification. So each
 * task is kept with the tool whose call made it, and its result is looked at as that tool's. A task that no call of
 * this session made is not asked for, and nothing about it passes. MCP, "Tasks" (2025-11-25), and the tasks extension
 * of 2026-07-28.
 */
#include "session/mediate.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS_MAX = 128 };

struct tasks {
	size_t next;
	struct task v[TASKS_MAX];
};

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static uint64_t key_of(struct passage *p, const struct tree *t, uint32_t id)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 20);

	return tree_is(t, id, TREE_STRING) ? route_key_text(p->f->calls, tree_string_span(t, id, &scratch)) : 0;
}

const struct task *task_find(struct passage *p, const struct tree *t, uint32_t id)
{
	uint64_t key = key_of(p, t, id);

	for (size_t i = 0; p->f->tasks && key && i < TASKS_MAX; i++)
		if (p->f->tasks->v[i].key == key)
			return &p->f->tasks->v[i];
	return NULL;
}

struct task *task_by_progress(struct filter *f, uint64_t progress_key)
{
	for (size_t i = 0; f->tasks && i < TASKS_MAX; i++)
		if (f->tasks->v[i].key && f->tasks->v[i].progress_key == progress_key)
			return &f->tasks->v[i];
	return NULL;
}

/* The client's requests about a task. */
enum fate task_named(struct passage *p)
{
	if (!starts_with(p->m.method, "tasks/") || strcmp(p->m.method, "tasks/list") == 0)
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	const struct task *task = task_find(p, t, tree_member(t, 0, "taskId"));
	if (!task)
		return passage_refuse(p, DROP_UNKNOWN_TASK, CODE_INVALID_PARAMS, NULL,
				      "mcpcage refused this request: no call of this session has made such a task");
	copy_text(p->request.tool, sizeof p->request.tool, task->tool, sizeof task->tool);
	p->request.result_max = task->result_max;
	/* Waits as long as the task takes. */
	if (strcmp(p->m.method, "tasks/result") == 0 && task->timeout)
		p->request.deadline = p->f->now + task->timeout;
	return FATE_NEXT;
}

static enum fate remember(struct passage *p, const struct tree *t, uint32_t id)
{
	struct filter *f = p->f;
	const struct pending *r = &p->request;

	if (!f->tasks)
		f->tasks = calloc(1, sizeof *f->tasks);
	if (!f->tasks)
		return passage_unreadable(p);
	if (task_find(p, t, id))
		return passage_refuse(
			p, DROP_UNKNOWN_TASK, CODE_REPLY_REFUSED, "a task id twice",
			"mcpcage refused the server's answer: it names a task that another call has made");
	struct task *task = &f->tasks->v[f->tasks->next++ % TASKS_MAX];
	*task = (struct task){
		.key = key_of(p, t, id),
		.progress_key = r->progress_key,
		.progress = r->progress,
		.result_max = r->result_max,
		.timeout = r->timeout,
		.caps = r->caps,
	};
	copy_text(task->tool, sizeof task->tool, r->tool, sizeof r->tool);
	return FATE_NEXT;
}

/* The server answers a call by a task. */
enum fate task_created(struct passage *p)
{
	if (p->m.kind != MESSAGE_RESULT || !p->request.is_tool_call)
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	bool modern = p->request.modern;
	uint32_t task = modern ? 0 : tree_member(t, 0, "task");
	if (modern ? !tree_string_is(t, tree_member(t, 0, "resultType"), "task") : task == TREE_NONE)
		return FATE_NEXT;
	uint32_t id = tree_member(t, task, "taskId");
	if (!p->f->plan->mediation.tasks || (!modern && !p->request.task) || !tree_is(t, id, TREE_STRING))
		return passage_refuse(
			p, DROP_UNKNOWN_TASK, CODE_REPLY_REFUSED, "a task that nobody asked for",
			"mcpcage refused the server's answer: it is a task, and the call did not ask for one");
	p->promised = true;
	return remember(p, t, id);
}
