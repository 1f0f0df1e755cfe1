/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers: they pass once, and only to a request that waits for them.
 */
#include "session/mediate.h"

#include <string.h>

enum fate answer_begin(struct passage *p)
{
	struct filter *f = p->f;
	bool server = p->d == SERVER_TO_CLIENT;

	if (p->m.id.type == ID_NONE) {
		report_refused(f, p->d, DROP_ANSWER_WITHOUT_ID, NULL, &p->m, false);
		return FATE_DONE;
	}
	enum route_status status = route_answer(server ? f->calls : f->reverse, &p->m.id, &p->request);
	if (status != ROUTE_OK) {
		report_refused(f, p->d, status == ROUTE_LATE ? DROP_LATE : DROP_UNSOLICITED, NULL, &p->m, false);
		return FATE_DONE;
	}
	return FATE_NEXT;
}

enum fate answer_size(struct passage *p)
{
	uint64_t max = p->request.result_max;

	if (max == 0 || p->m.line.n <= max)
		return FATE_NEXT;
	return passage_refuse(p, DROP_TOO_LARGE, CODE_REPLY_REFUSED, "larger than the rule's result_size",
			      "mcpcage refused the result of the tool \"%s\": it has %zu bytes, and the user's "
			      "policy allows %llu. Ask "
			      "for less at once.",
			      p->request.tool, p->m.line.n, (unsigned long long)max);
}

enum fate answer_given(struct passage *p)
{
	enum call_end end = p->m.kind == MESSAGE_ERROR ? CALL_ERROR : CALL_ANSWERED;

	if (strcmp(p->request.method, "ping") != 0)
		report_asked(p->f, &p->request, end, p->m.line.n);
	return FATE_NEXT;
}

enum fate answer_done(struct passage *p)
{
	enum call_end end = p->m.kind == MESSAGE_ERROR ? CALL_ERROR : CALL_ANSWERED;

	report_call(p->f, &p->request, end, p->m.line.n, NULL);
	return FATE_NEXT;
}
