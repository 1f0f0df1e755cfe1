/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The resolver: names are resolved as on the host, by getaddrinfo(3) and whatever name services this machine has, which block and parse
 * what others send. So it is a process of its own, with nothing but a socket to egress, and each name has a child of it: one that hangs
 * holds up no other, what one answer does to the library's state is gone with it, and a changed resolv.conf is read the next time.
 *
 * What egress asks is a name that it has made canonical, and it checks every address that comes back; this process decides nothing.
 * Modules of name services are loaded before the process is confined (profiles/seccomp/resolver.rules, landlock_resolver()), by their names
 * in nsswitch.conf(5). Search domains are not used: the name that was allowed is the one that is resolved. Variables of the environment
 * (HOSTALIASES, LOCALDOMAIN, RES_OPTIONS) are not either, since it is wiped.
 */
#include "session/egress-impl.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- modules ------------------------------------------------------------------------------------- */

static void load_module(const char *name, size_t n)
{
	char file[64];

	/* These are in the C library itself. */
	if (n == 0 || n > 32 || (n == 5 && memcmp(name, "files", 5) == 0) || (n == 3 && memcmp(name, "dns", 3) == 0))
		return;
	snprintf(file, sizeof file, "libnss_%.*s.so.2", (int)n, name);
	/* One that is not there is passed over by the library as well. It stays loaded. */
	(void)dlopen(file, RTLD_NOW);
}

/* The services of the line "hosts:", without what stands in brackets. */
static void load_modules(void)
{
	CLEANUP_FCLOSE FILE *f = fopen("/etc/nsswitch.conf", "re");
	char line[1024];

	while (f && fgets(line, sizeof line, f)) {
		char *p = line + strspn(line, " \t");
		if (strncmp(p, "hosts:", 6) != 0)
			continue;
		for (p += 6; *p && *p != '#' && *p != '\n';) {
			size_t n = 0;
			if (*p == '[') {
				p += strcspn(p, "]\n");
				p += *p == ']';
				continue;
			}
			while (isalnum((unsigned char)p[n]) || p[n] == '_')
				n++;
			load_module(p, n);
			p += n ? n : 1;
		}
		return;
	}
}

/* ---- one name ------------------------------------------------------------------------------------ */

static void take_addresses(const struct addrinfo *list, struct resolve_reply *reply)
{
	for (const struct addrinfo *a = list; a && reply->n < ADDRESSES_MAX; a = a->ai_next) {
		struct ip_address *to = &reply->found[reply->n];
		if (a->ai_family == AF_INET && a->ai_addrlen >= sizeof(struct sockaddr_in)) {
			struct sockaddr_in in;
			memcpy(&in, a->ai_addr, sizeof in);
			to->family = 4;
			memcpy(to->bytes, &in.sin_addr, 4);
		} else if (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof(struct sockaddr_in6)) {
			struct sockaddr_in6 in6;
			memcpy(&in6, a->ai_addr, sizeof in6);
			to->family = 6;
			memcpy(to->bytes, &in6.sin6_addr, 16);
		} else {
			continue;
		}
		reply->n++;
	}
}

static _Noreturn void look_up(int fd, const struct resolve_request *request)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct resolve_reply reply = { .number = request->number };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(LOOKUP_TIME / 1000 + 1);
	if (res_init() == 0)
		_res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
	reply.status = getaddrinfo(request->name, NULL, &hints, &list);
	if (reply.status == 0)
		take_addresses(list, &reply);
	(void)send(fd, &reply, sizeof reply, MSG_NOSIGNAL);
	_exit(0);
}

static _Noreturn void serve(int fd)
{
	struct resolve_request request;

	for (;;) {
		ssize_t n = recv(fd, &request, sizeof request, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0); /* egress is gone */
		if (n != (ssize_t)sizeof request || !memchr(request.name, '\0', sizeof request.name))
			_exit(1);
		pid_t pid = fork();
		if (pid == 0)
			look_up(fd, &request);
		if (pid < 0) {
			struct resolve_reply reply = { .number = request.number, .status = EAI_AGAIN };
			(void)send(fd, &reply, sizeof reply, MSG_NOSIGNAL);
		}
	}
}

/* ---- start --------------------------------------------------------------------------------------- */

/* It says one byte when it is confined, or else why it is not. */
static _Noreturn void resolver_main(int fd, bool apparmor)
{
	struct error err = { 0 };
	const int keep[] = { 0, 1, 2, fd };
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGCHLD, SIG_IGN); /* nobody waits for the children */
	(void)signal(SIGALRM, SIG_DFL);
	for (int s = 1; s < NSIG; s++)
		if (s == SIGINT || s == SIGTERM || s == SIGHUP || s == SIGQUIT)
			(void)signal(s, SIG_IGN);
	load_modules();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		error_set(&err, errno, "cannot tie the resolver to egress");
	else if (confine_resolver(keep, ARRAY_SIZE(keep), apparmor, &err) == 0)
		err.what[0] = '\0';
	(void)send(fd, &err, sizeof err, MSG_NOSIGNAL);
	if (err.what[0])
		_exit(1);
	serve(fd);
}

int resolver_start(bool apparmor, struct error *err)
{
	int pair[2];
	struct error said = { 0 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot make a socket pair");
	pid_t pid = fork();
	if (pid < 0) {
		int sys = errno;
		close(pair[0]);
		close(pair[1]);
		return error_set(err, sys, "cannot fork the resolver");
	}
	if (pid == 0)
		resolver_main(pair[1], apparmor);
	close(pair[1]);
	CLEANUP_CLOSE int fd = pair[0];
	ssize_t n;
	do
		n = recv(fd, &said, sizeof said, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof said)
		return error_set(err, 0, "the resolver ended before it was confined");
	if (said.what[0]) {
		*err = said;
		return -1;
	}
	return TAKE_FD(&fd);
}
