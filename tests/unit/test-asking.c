/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's part in asking, with a filter that is in an attacker's hands: it can ask, but it cannot answer for a helper, fill
 * the screen, or stop the monitor.
 */
#include "rpc/question.h"
#include "session/monitor.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char base[] = "/tmp/mcpcage-test-XXXXXX";
static char folder[64], helper[64], counter[64];
static struct plan plan_;
static char *argv_[] = { helper, NULL };
static const struct log quiet = { .fd = STDERR_FILENO, .level = LOG_QUIET };
static int filter; /* the filter's end of its socket */

static void begin(struct session *s)
{
	int fds[2];

	unlink(counter);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		bail_out("socketpair");
	filter = fds[1];
	*s = (struct session){
		.plan = &plan_, .log = &quiet, .audit = AUDIT_OFF, .init_pidfd = -1, .signal_fd = -1, .cgroup = { .fd = -1 },
		.filter = { .who = PEER_FILTER, .fd = fds[0] }, .init = { .who = PEER_INIT, .fd = -1 }, .label = "server",
	};
}

static void end(struct session *s)
{
	asking_end(s);
	close(s->filter.fd);
	close(filter);
}

/* What the helper does is SCRIPT; each start leaves a mark. */
static void write_helper(const char *script)
{
	char new[80];

	/* Not in place: a shell that has answered may still read the old one. */
	snprintf(new, sizeof new, "%s.new", helper);
	FILE *f = fopen(new, "we");
	if (!f)
		bail_out("cannot write the helper");
	fprintf(f, "#!/bin/sh\ncat >/dev/null\necho x >>%s\n%s\n", counter, script);
	fclose(f);
	if (chmod(new, 0700) < 0 || rename(new, helper) < 0)
		bail_out("cannot write the helper");
}

static long starts(void)
{
	struct stat st;

	return stat(counter, &st) == 0 ? (long)st.st_size / 2 : 0;
}

static void ask(struct session *s, uint32_t number)
{
	struct record_ask r = { .number = number, .tool = "tool", .reason = "why", .arguments = "{}" };

	memset(r.scope, 7, sizeof r.scope);
	memset(r.pin, 9, sizeof r.pin);
	asking_heard(s, &r);
}

/* As the monitor's loop does, until the filter has an answer; ANSWERS_ when it gets none. */
static enum answer answered(struct session *s, uint32_t *number)
{
	union record r;
	unsigned char packet[RECORD_PACKET_MAX];
	size_t at = 0;

	for (int i = 0; i < 2000; i++) {
		struct pollfd p[ASKING_MAX];
		asking_tend(s);
		ssize_t n = recv(filter, packet, sizeof packet, MSG_DONTWAIT);
		if (n > 0 && record_next(packet, (size_t)n, &at, &r) == 1 && r.head.type == RECORD_ANSWERED) {
			if (number)
				*number = r.answered.number;
			return (enum answer)r.answered.answer;
		}
		(void)poll(p, asking_poll(s, p), 10);
	}
	return ANSWERS_;
}

static size_t recorded(void)
{
	struct approvals a;
	struct error err;

	if (approvals_load(folder, &a, &err) < 0)
		return 999;
	size_t n = a.n;
	approvals_free(&a);
	return n;
}

static void words(void)
{
	struct session s;
	uint32_t number = 0;

	begin(&s);
	write_helper("echo once");
	ask(&s, 41);
	is_int(answered(&s, &number), ANSWER_ONCE, "the helper's word");
	is_int(number, 41, "for this question");
	is_int(recorded(), 0, "once is not recorded");
	write_helper("echo always");
	ask(&s, 42);
	is_int(answered(&s, NULL), ANSWER_ALWAYS, "always");
	is_int(recorded(), 1, "is");
	write_helper("echo ' once'");
	ask(&s, 43);
	is_int(answered(&s, NULL), ANSWER_UNAVAILABLE, "not quite a word");
	end(&s);
}

static void forged(void)
{
	struct session s;
	struct record_asked r = { .road = ROAD_HELPER, .answer = ANSWER_ALWAYS, .tool = "forged" };
	size_t before = recorded();

	begin(&s);
	memset(r.scope, 7, sizeof r.scope);
	asking_over(&s, &r);
	is_int(recorded(), before, "the filter cannot say that a helper said always");
	r.road = ROAD_CLIENT;
	memset(r.scope, 0, sizeof r.scope);
	asking_over(&s, &r);
	is_int(recorded(), before, "nor pass an answer off as a record of use");
	memset(r.scope, 7, sizeof r.scope);
	asking_over(&s, &r);
	is_int(recorded(), before + 1, "through the client, which only it can hear, it can");
	end(&s);
}

static void withdrawn(void)
{
	struct session s;
	const struct record_withdraw r = { .number = 1 }, other = { .number = 2 };

	begin(&s);
	write_helper("sleep 60; echo once");
	ask(&s, 1);
	asking_withdrawn(&s, &other);
	ok(s.questions.v[0] != NULL, "a question that is not there is not withdrawn");
	asking_withdrawn(&s, &r);
	for (int i = 0; i < 500 && s.questions.v[0]; i++) {
		asking_tend(&s);
		(void)poll(NULL, 0, 10);
	}
	ok(!s.questions.v[0], "withdrawn, the helper is ended and its place is free");
	unsigned char packet[64];
	ok(recv(filter, packet, sizeof packet, MSG_DONTWAIT) < 0, "and the filter hears nothing");
	end(&s);
}

static void crowds(void)
{
	struct session s;
	unsigned refused = 0;

	begin(&s);
	write_helper("sleep 60");
	for (uint32_t i = 1; i <= ASKING_MAX + 3; i++)
		ask(&s, i);
	for (int i = 0; i < 3; i++)
		refused += answered(&s, NULL) == ANSWER_UNAVAILABLE;
	is_int(refused, 3, "more questions at once than there may be are not asked");
	ask(&s, 1);
	is_int(answered(&s, NULL), ANSWER_UNAVAILABLE, "nor is one with a number that is open");
	end(&s);
	ok(starts() <= ASKING_MAX, "no more helpers than that were started (%ld)", starts());

	begin(&s);
	write_helper("echo no");
	refused = 0;
	for (uint32_t i = 1; i <= ASKING_A_MINUTE + 10; i++) {
		ask(&s, i);
		refused += answered(&s, NULL) == ANSWER_UNAVAILABLE;
	}
	is_int(refused, 10, "no more than %d are asked a minute", ASKING_A_MINUTE);
	is_int(starts(), ASKING_A_MINUTE, "which is how often the helper was started");

	/* A filter that asks and does not listen. */
	for (uint32_t i = 1000; i < 100000 && !s.broken; i++)
		ask(&s, i);
	ok(s.broken && strstr(s.error.what, "does not take the answers"), "one that does not take its answers ends the session");
	end(&s);
}

static void uses(void)
{
	struct session s;
	struct record_used r = { .largest = 5, .results = 1 };
	size_t before = recorded();

	begin(&s);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(r.tool, sizeof r.tool, "used-%u", i % 50);
		asking_used(&s, &r);
	}
	end(&s);
	is_int(recorded(), before + 50, "uses of tools are recorded, each once");
}

int main(void)
{
	if (!mkdtemp(base))
		bail_out("mkdtemp");
	snprintf(folder, sizeof folder, "%s/pins/x", base);
	snprintf(helper, sizeof helper, "%s/helper", base);
	snprintf(counter, sizeof counter, "%s/starts", base);
	plan_.pins_folder = folder;
	plan_.mediation.ask_with = (struct strlist){ argv_, 1 };
	plan_.mediation.ask_timeout = 50000;
	plan_.mediation.ask_remember = 3600000;
	(void)signal(SIGPIPE, SIG_IGN);
	words();
	forged();
	withdrawn();
	crowds();
	uses();
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", base);
	(void)!system(command);
	return done_testing();
}
