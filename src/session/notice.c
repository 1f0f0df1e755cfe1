/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notifications. Nobody waits for them, so one that may not pass is dropped.
 */
#include "session/mediate.h"

#include "session/hold.h"

#include <string.h>

enum fate notice_begin(struct passage *p)
{
	memset(&p->request, 0, sizeof p->request);
	/* Without an id nobody could be told of a refusal, and a server might run it all the same. */
	if (strncmp(p->m.method, "notifications/", strlen("notifications/")) != 0) {
		report_refused(p->f, p->d, DROP_NO_ID, NULL, &p->m, false);
		return FATE_DONE;
	}
	return FATE_NEXT;
}

enum fate notice_cancelled(struct passage *p)
{
	struct filter *f = p->f;
	struct route *route = p->d == CLIENT_TO_SERVER ? f->calls : f->reverse;

	if (strcmp(p->m.method, "notifications/cancelled") != 0 || p->m.request_id.type == ID_NONE)
		return FATE_NEXT;
	struct pending *request = route_get(route, &p->m.request_id);
	bool held = request && request->held;
	(void)route_cancel(route, &p->m.request_id);
	if (!held)
		return FATE_NEXT;
	/* The other side never saw the request: nothing to cancel there, and nothing to remember. */
	struct pending taken = { 0 };
	held_forget(f, p->d, &p->m.request_id);
	(void)route_forget(route, &p->m.request_id, &taken);
	if (p->d == CLIENT_TO_SERVER)
		report_call(f, &taken, CALL_CANCELLED, 0, NULL);
	pending_clear(&taken);
	return FATE_DONE;
}
