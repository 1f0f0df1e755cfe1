/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ask systemd for a transient scope (org.freedesktop.systemd1.Manager.StartTransientUnit, see
 * org.freedesktop.systemd1(5), systemd.scope(5), systemd.resource-control(5)).
 *
 * Why a scope: on a machine that systemd manages, it is the one writer of the cgroup tree, and asking it is the only
 * way for an ordinary user to get limits without being root.
 *
 * Why a child process with dlopen(3): libsystemd and what it pulls in cost milliseconds of start-up and about a
 * megabyte for as long as the session lasts, and are needed for one call on machines that have systemd only. The child
 * also makes the time limit a hard one, whatever the bus does.
 *
 * The socket is found from the user id, not from XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS: MCP clients pass on
 * only a few variables, and nothing in the environment decides where a process id is handed to. The peer has to be
 * of our user and in our pid namespace, because the number PID would mean another process elsewhere.
 *
 * Called by cgroup.c only.
 */
#include "cage/scope.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifdef HAVE_SYSTEMD

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define SYSTEMD_NAME      "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE "org.freedesktop.systemd1.Manager"
#define LIBSYSTEMD        "libsystemd.so.0"

/* What is used of sd-bus(3). */
#define SD_CALLS(X)                    \
	X(sd_bus_new)                  \
	X(sd_bus_set_fd)               \
	X(sd_bus_set_bus_client)       \
	X(sd_bus_start)                \
	X(sd_bus_match_signal)         \
	X(sd_bus_message_new_method_call) \
	X(sd_bus_message_append)       \
	X(sd_bus_message_open_container) \
	X(sd_bus_message_close_container) \
	X(sd_bus_message_read)         \
	X(sd_bus_message_unref)        \
	X(sd_bus_call)                 \
	X(sd_bus_process)              \
	X(sd_bus_wait)

struct sd {
#define X(name) __typeof__(name) *name;
	SD_CALLS(X)
#undef X
};

/* What the child sends back, in one write. */
struct outcome {
	bool ok;
	char name[SCOPE_NAME_MAX];
	struct error err;
};

/* A socket that systemd listens on, and whether a bus daemon stands between. */
struct scope_socket {
	char path[96];
	bool bus;
};

static size_t scope_sockets(uid_t uid, struct scope_socket sockets[2])
{
	/* The private socket first: no bus daemon between, as systemctl(1) does it. */
	if (uid == 0) {
		sockets[0] = (struct scope_socket){ "/run/systemd/private", false };
		sockets[1] = (struct scope_socket){ "/run/dbus/system_bus_socket", true };
	} else {
		sockets[0].bus = false;
		snprintf(sockets[0].path, sizeof sockets[0].path, "/run/user/%u/systemd/private", (unsigned)uid);
		sockets[1].bus = true;
		snprintf(sockets[1].path, sizeof sockets[1].path, "/run/user/%u/bus", (unsigned)uid);
	}
	return 2;
}

static bool is_socket_of(const char *path, uid_t uid)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == uid;
}

bool scope_available(uid_t uid, char *reason, size_t size)
{
	struct stat st;
	struct scope_socket sockets[2];
	char dir[64];

	if (lstat("/run/systemd/system", &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(reason, size, "no systemd runs here");
		return false;
	}
	if (uid != 0) {
		snprintf(dir, sizeof dir, "/run/user/%u", (unsigned)uid);
		if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != uid) {
			snprintf(reason, size, "this user has no login session with systemd (no %s)", dir);
			return false;
		}
	}
	size_t n = scope_sockets(uid, sockets);
	for (size_t i = 0; i < n; i++)
		if (is_socket_of(sockets[i].path, uid))
			return true;
	snprintf(reason, size, "%s does not listen (no %s)", uid ? "the user's systemd" : "systemd", sockets[0].path);
	return false;
}

/* ---- in the child: sd-bus ------------------------------------------------------------------------- */

static int sd_load(struct sd *sd, struct error *err)
{
	void *lib = dlopen(LIBSYSTEMD, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		const char *why = dlerror();
		return error_set(err, 0, "cannot load %s: %s", LIBSYSTEMD, why ? why : "unknown error");
	}
#define X(name)                                                                     \
	*(void **)&sd->name = dlsym(lib, #name);                                    \
	if (!sd->name)                                                              \
		return error_set(err, 0, "%s has no %s", LIBSYSTEMD, #name);
	SD_CALLS(X)
#undef X
	return 0;
}

static bool same_pid_namespace(pid_t pid)
{
	char path[48];
	struct stat ours, theirs;

	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	if (stat("/proc/self/ns/pid", &ours) < 0)
		return false;
	/* The manager may not let us look; then being visible by number at all has to do. */
	if (stat(path, &theirs) < 0)
		return errno == EACCES || errno == EPERM;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* A connected socket whose other end may be told our process ids, or -1. */
static int scope_connect(const char *path, uid_t uid, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t n = sizeof peer;

	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "cannot make a socket");
	size_t length = strlen(path);
	if (length >= sizeof address.sun_path)
		return error_set(err, ENAMETOOLONG, "cannot connect to %s", path);
	memcpy(address.sun_path, path, length + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return error_set(err, errno, "cannot connect to %s", path);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return error_set(err, errno, "cannot tell who listens on %s", path);
	if (peer.pid <= 0 || !same_pid_namespace(peer.pid))
		return error_set(err, 0, "%s belongs to a systemd outside this container", path);
	/* The system's bus daemon runs as a user of its own; its socket lies in a folder that only root writes. */
	if (peer.uid != uid && uid != 0)
		return error_set(err, 0, "%s is served by user %u", path, (unsigned)peer.uid);
	return TAKE_FD(&fd);
}

struct job {
	const struct sd *sd;
	const char *unit;
	bool done;
	char result[32];
};

/* JobRemoved(id, job, unit, result) */
static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *unused)
{
	struct job *job = userdata;
	const char *path, *unit, *result;
	uint32_t id;

	(void)unused;
	if (job->sd->sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && strcmp(unit, job->unit) == 0) {
		snprintf(job->result, sizeof job->result, "%s", result);
		job->done = true;
	}
	return 0;
}

static int append_number(const struct sd *sd, sd_bus_message *m, const char *name, uint64_t value)
{
	return sd->sd_bus_message_append(m, "(sv)", name, "t", value);
}

/* PROPERTY of a(st): each of the disks, and the rate. */
static int append_rates(const struct sd *sd, sd_bus_message *m, const char *property, const struct scope_request *request)
{
	int r = sd->sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd->sd_bus_message_append(m, "s", property);
	if (r >= 0)
		r = sd->sd_bus_message_open_container(m, 'v', "a(st)");
	if (r >= 0)
		r = sd->sd_bus_message_open_container(m, 'a', "(st)");
	for (size_t i = 0; r >= 0 && i < request->disks->n; i++) {
		char device[48];
		snprintf(device, sizeof device, "/dev/block/%u:%u", request->disks->v[i].major, request->disks->v[i].minor);
		r = sd->sd_bus_message_append(m, "(st)", device, request->io);
	}
	for (int depth = 0; r >= 0 && depth < 3; depth++)
		r = sd->sd_bus_message_close_container(m);
	return r;
}

static int append_properties(const struct sd *sd, sd_bus_message *m, const struct scope_request *request, bool oom_policy)
{
	char description[128] = "MCP server";
	int r;

	if (request->description && *request->description)
		snprintf(description, sizeof description, "MCP server %s", request->description);
	for (char *p = description; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';

	r = sd->sd_bus_message_append(m, "(sv)", "Description", "s", description);
	if (r >= 0)
		r = sd->sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)request->pid);
	if (r >= 0)
		r = sd->sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
	/* At log-out: SIGTERM, and SIGKILL for what is left soon after. */
	if (r >= 0)
		r = append_number(sd, m, "TimeoutStopUSec", 2000000);
	if (r >= 0 && geteuid() != 0)
		r = sd->sd_bus_message_append(m, "(sv)", "Slice", "s", "app.slice");
	/* Scopes know this since systemd 253. Without it a child killed for want of memory would end the server. */
	if (r >= 0 && oom_policy)
		r = sd->sd_bus_message_append(m, "(sv)", "OOMPolicy", "s", "continue");
	if (r >= 0 && request->memory) {
		r = append_number(sd, m, "MemoryMax", request->memory);
		if (r >= 0)
			r = append_number(sd, m, "MemorySwapMax", request->swap);
	}
	if (r >= 0 && request->tasks)
		r = append_number(sd, m, "TasksMax", request->tasks);
	if (r >= 0 && request->cpu)
		r = append_number(sd, m, "CPUQuotaPerSecUSec", request->cpu * 10000);
	if (r >= 0 && request->io && request->disks->n > 0) {
		r = append_rates(sd, m, "IOReadBandwidthMax", request);
		if (r >= 0)
			r = append_rates(sd, m, "IOWriteBandwidthMax", request);
	}
	return r;
}

/* One StartTransientUnit: 0, -1 with ERR, or 1 when this systemd does not know a property. */
static int scope_call(const struct sd *sd, sd_bus *bus, const struct scope_request *request, const char *unit,
		      bool oom_policy, int timeout_ms, struct error *err)
{
	sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	int r = sd->sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_INTERFACE,
						   "StartTransientUnit");
	if (r >= 0)
		r = sd->sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd->sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_properties(sd, m, request, oom_policy);
	if (r >= 0)
		r = sd->sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd->sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return error_set(err, -r, "cannot write the request to systemd");

	r = sd->sd_bus_call(bus, m, (uint64_t)timeout_ms * 1000, &error, NULL);
	sd->sd_bus_message_unref(m);
	if (r < 0) {
		if (oom_policy && error.name && strcmp(error.name, SD_BUS_ERROR_PROPERTY_READ_ONLY) == 0)
			return 1;
		return error_set(err, error.message ? 0 : -r, "systemd refuses a scope%s%s", error.message ? ": " : "",
				 error.message ? error.message : "");
	}
	return 0;
}

static int wait_job(const struct sd *sd, sd_bus *bus, const struct job *job, struct error *err)
{
	while (!job->done) {
		int r = sd->sd_bus_process(bus, NULL);
		/* The parent bounds the whole. */
		if (r == 0)
			r = sd->sd_bus_wait(bus, UINT64_MAX);
		if (r < 0 && r != -EINTR)
			return error_set(err, -r, "the connection to systemd broke");
	}
	if (strcmp(job->result, "done") != 0)
		return error_set(err, 0, "systemd could not start the scope: %s", job->result);
	return 0;
}

static int scope_name(const struct scope_request *request, char name[SCOPE_NAME_MAX], struct error *err)
{
	uint32_t number;
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return error_set(err, errno, "cannot get random bytes");
	snprintf(name, SCOPE_NAME_MAX, "mcpcage-%d-%08x.scope", (int)request->pid, (unsigned)number);
	return 0;
}

static int scope_over(const struct sd *sd, int *fd, bool is_bus, const struct scope_request *request, int timeout_ms,
		      char name[SCOPE_NAME_MAX], struct error *err)
{
	struct job job = { .sd = sd, .unit = name };
	sd_bus *bus = NULL;

	int r = sd->sd_bus_new(&bus);
	if (r >= 0) {
		r = sd->sd_bus_set_fd(bus, *fd, *fd);
		if (r >= 0)
			*fd = -1;
	}
	if (r >= 0)
		r = sd->sd_bus_set_bus_client(bus, is_bus);
	if (r >= 0)
		r = sd->sd_bus_start(bus);
	if (r >= 0)
		r = sd->sd_bus_match_signal(bus, NULL, is_bus ? SYSTEMD_NAME : NULL, SYSTEMD_PATH, SYSTEMD_INTERFACE,
					    "JobRemoved", on_job_removed, &job);
	if (r < 0)
		return error_set(err, -r, "cannot talk to systemd");

	r = 1;
	for (int oom_policy = 1; r > 0 && oom_policy >= 0; oom_policy--) {
		if (scope_name(request, name, err) < 0)
			return -1;
		r = scope_call(sd, bus, request, name, oom_policy, timeout_ms, err);
	}
	if (r != 0)
		return r < 0 ? -1 : error_set(err, 0, "systemd refuses a scope");
	return wait_job(sd, bus, &job, err);
}

static int scope_ask(const struct scope_request *request, int timeout_ms, char name[SCOPE_NAME_MAX], struct error *err)
{
	uid_t uid = geteuid();
	struct scope_socket sockets[2];
	struct sd sd;

	if (sd_load(&sd, err) < 0)
		return -1;
	size_t n = scope_sockets(uid, sockets);
	for (size_t i = 0; i < n; i++) {
		if (!is_socket_of(sockets[i].path, uid))
			continue;
		CLEANUP_CLOSE int fd = scope_connect(sockets[i].path, uid, err);
		if (fd >= 0)
			return scope_over(&sd, &fd, sockets[i].bus, request, timeout_ms, name, err);
	}
	return err->what[0] ? -1 : error_set(err, 0, "no systemd listens here");
}

static void __attribute__((noreturn)) scope_child(const struct scope_request *request, int timeout_ms, int out,
						  pid_t parent)
{
	struct outcome outcome = { 0 };
	sigset_t none;

	/* The bus must not outlive the session, nor hold any of its pipes open, nor run its signal handlers. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (out != 3 && dup2(out, 3) < 0)
		_exit(1);
	fd_close_from(4);
	fd_set_nonblock(3, 0);

	outcome.ok = scope_ask(request, timeout_ms, outcome.name, &outcome.err) == 0;
	_exit(fd_write_all(3, &outcome, sizeof outcome) == 0 ? 0 : 1);
}

/* ---- in the parent --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait for the outcome until the deadline. Returns 0, or an errno. */
static int read_outcome(int fd, int timeout_ms, struct outcome *outcome)
{
	int64_t deadline = now_ms() + timeout_ms;
	size_t got = 0;

	while (got < sizeof *outcome) {
		int64_t left = deadline - now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r == 0)
			return ETIMEDOUT;
		if (r < 0 && errno == EINTR)
			continue;
		ssize_t n = r < 0 ? -1 : read(fd, (char *)outcome + got, sizeof *outcome - got);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n == 0)
			return EPIPE;
		if (n > 0)
			got += (size_t)n;
	}
	return 0;
}

int scope_start(const struct scope_request *request, int timeout_ms, char name[SCOPE_NAME_MAX], struct error *err)
{
	struct outcome outcome = { 0 };
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	CLEANUP_CLOSE int in = fds[0];
	CLEANUP_CLOSE int out = fds[1];

	pid_t child = fork();
	if (child < 0)
		return error_set(err, errno, "cannot start a process");
	if (child == 0)
		scope_child(request, timeout_ms, out, parent);
	close(TAKE_FD(&out));

	int failed = read_outcome(in, timeout_ms, &outcome);
	if (failed)
		kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (failed == ETIMEDOUT)
		return error_set(err, 0, "systemd did not make a scope within %d ms", timeout_ms);
	if (failed)
		return error_set(err, failed, "no answer about the scope");
	if (!outcome.ok) {
		if (err)
			*err = outcome.err;
		return -1;
	}
	memcpy(name, outcome.name, SCOPE_NAME_MAX);
	return 0;
}

#else /* !HAVE_SYSTEMD */

bool scope_available(uid_t uid, char *reason, size_t size)
{
	(void)uid;
	snprintf(reason, size, "built without libsystemd");
	return false;
}

int scope_start(const struct scope_request *request, int timeout_ms, char name[SCOPE_NAME_MAX], struct error *err)
{
	(void)request;
	(void)timeout_ms;
	(void)name;
	return error_set(err, 0, "built without libsystemd");
}

#endif
