/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of `mcpcage doctor` for each kind of machine we know, and the probes on this one. */
#include "cage/probe-advice.h"
#include "tests/tap.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

typedef void advise_fn(const struct probe_machine *m, const struct probe_tries *t, struct probe_result *r);

static const struct probe_machine good = {
	.kernel_major = 6,
	.kernel_minor = 12,
	.userns_clone = 1,
	.max_user_namespaces = 1000,
	.apparmor_restrict = -1,
	.landlock_abi = 6,
	.systemd = true,
	.cgroup = CGROUP_SCOPE,
	.cgroup_unified = true,
	.apparmor_parameter = true,
	.apparmor_on = true,
	.apparmor_label = "unconfined",
	.apparmor_server = true,
	.exe = "/opt/bin/mcpcage",
};
static const struct probe_tries works = { 0 };
static const struct probe_tries no_userns = {
	.namespaces = EPERM,
	.maps = -1,
	.tmpfs = -1,
	.proc = -1,
	.tree = -1,
	.timens = -1,
};

/* DETAIL and REMEDY: words that have to be in there, REMEDY in the command or the note; "" for neither. */
static void expect(const char *name, advise_fn *advise, struct probe_machine m, struct probe_tries t,
		   enum probe_state state, const char *detail, const char *remedy)
{
	struct probe_result r;

	memset(&r, 'x', sizeof r);
	advise(&m, &t, &r);
	is_int(r.state, state, "%s: state", name);
	ok(strstr(r.detail, detail), "%s: %s", name, r.detail);
	ok(remedy[0] ? strstr(r.remedy, remedy) || strstr(r.note, remedy) : !r.remedy[0] && !r.note[0],
	   "%s: remedy \"%s\" %s", name, r.remedy, r.note);
	ok(strlen(r.detail) < sizeof r.detail - 1 && strlen(r.remedy) < sizeof r.remedy - 1 &&
		   strlen(r.note) < sizeof r.note - 1,
	   "%s: nothing is cut off", name);
}

#define M(...)                                                                                                 \
	({                                                                                                     \
		struct probe_machine m_ = good;                                                                \
		struct probe_machine *m = &m_;                                                                 \
		(void)m;                                                                                       \
		__VA_ARGS__;                                                                                   \
		m_;                                                                                            \
	})
#define T(...)                                                                                                 \
	({                                                                                                     \
		struct probe_tries t_ = works;                                                                 \
		struct probe_tries *t = &t_;                                                                   \
		(void)t;                                                                                       \
		__VA_ARGS__;                                                                                   \
		t_;                                                                                            \
	})
#define N(e)                                                                                                   \
	({                                                                                                     \
		struct probe_tries t_ = no_userns;                                                             \
		t_.namespaces = (e);                                                                           \
		t_;                                                                                            \
	})

static void test_namespaces(void)
{
	advise_fn *ns = advise_namespaces;

	expect("all is well", ns, good, works, PROBE_ACTIVE, "user, mount", "");
	expect("old kernel", ns, M(m->kernel_major = 5, m->kernel_minor = 2), N(ENOSYS), PROBE_MISSING, "5.3",
	       "newer kernel");
	expect("Debian's switch", ns, M(m->userns_clone = 0), N(EPERM), PROBE_MISSING,
	       "unprivileged_userns_clone", "echo kernel.unprivileged_userns_clone=1 | sudo tee -a");
	expect("no namespaces allowed", ns, M(m->max_user_namespaces = 0), N(ENOSPC), PROBE_MISSING,
	       "max_user_namespaces is 0", "user.max_user_namespaces=15000");
	expect("too many", ns, good, N(ENOSPC), PROBE_MISSING, "limit", "sysctl -a");
	expect("Ubuntu 23.10", ns, M(m->apparmor_restrict = 1), N(EACCES), PROBE_MISSING, "apparmor_restrict",
	       "profile mcpcage /opt/bin/mcpcage flags=(unconfined) {\\n  userns,\\n}");
	expect("Ubuntu 24.04", ns, M(m->apparmor_restrict = 1),
	       T(t->maps = 0, t->tmpfs = EACCES, t->proc = EACCES, t->tree = EACCES), PROBE_MISSING,
	       "apparmor_restrict", "apparmor_parser -r");
	expect("Ubuntu, root", ns, M(m->apparmor_restrict = 1, m->root = true), N(EPERM), PROBE_MISSING,
	       "not permitted", "chroot");
	expect("Docker", ns, M(m->container = m->seccomp_filtered = true), N(ENOSYS), PROBE_MISSING,
	       "container's default", "--security-opt seccomp=unconfined");
	expect("another sandbox", ns, M(m->seccomp_filtered = true), N(EPERM), PROBE_MISSING, "seccomp filter",
	       "unconfined");
	expect("no user namespaces built in", ns, good, N(EINVAL), PROBE_MISSING, "built without",
	       "/proc/self/ns");
	expect("chroot", ns, good, N(EPERM), PROBE_MISSING, "not permitted", "chroot");
	expect("not tried", ns, good, N(TRY_NOT_REACHED), PROBE_MISSING, "could not be tried", "");
	expect("few open files", ns, M(m->few_files = 32), works, PROBE_MISSING, "more open files than the 32",
	       "sudo prlimit --pid $$ --nofile=1024");
	expect("root in a container", ns, M(m->container = m->root = true), T(t->maps = EPERM), PROBE_MISSING, "id maps",
	       "CAP_SETFCAP");
	expect("maps refused", ns, good, T(t->maps = EPERM), PROBE_MISSING, "id maps", "dmesg");
}

static void test_mounts(void)
{
	expect("mounts work", advise_mounts, good, works, PROBE_ACTIVE, "mount_setattr", "");
	expect("old kernel", advise_mounts, M(m->kernel_major = 5, m->kernel_minor = 10), T(t->tree = ENOSYS),
	       PROBE_MISSING, "5.12", "newer kernel");
	expect("container", advise_mounts, M(m->container = m->seccomp_filtered = true), T(t->tmpfs = ENOSYS),
	       PROBE_MISSING, "mount calls", "seccomp=unconfined");
	expect("no namespaces", advise_mounts, good, no_userns, PROBE_MISSING, "without user namespaces", "");
	expect("fresh proc", advise_proc, good, works, PROBE_ACTIVE, "fresh", "");
	expect("masked proc", advise_proc, M(m->container = true), T(t->proc = EPERM), PROBE_MISSING, "hidden",
	       "systempaths=unconfined");
	expect("proc on Ubuntu", advise_proc, M(m->apparmor_restrict = 1),
	       T(t->tmpfs = EACCES, t->proc = EACCES), PROBE_MISSING, "AppArmor", "userns,");
	expect("time", advise_timens, good, works, PROBE_ACTIVE, "clock", "");
	expect("no time", advise_timens, M(m->kernel_major = 5, m->kernel_minor = 4), T(t->timens = EINVAL),
	       PROBE_MISSING, "5.6", "newer");
	expect("time not built in", advise_timens, good, T(t->timens = EINVAL), PROBE_MISSING, "CONFIG_TIME_NS",
	       "");
}

static void test_security(void)
{
	expect("seccomp", advise_seccomp, good, works, PROBE_ACTIVE, "filter", "");
	expect("no seccomp", advise_seccomp, good, T(t->seccomp = EINVAL), PROBE_MISSING,
	       "CONFIG_SECCOMP_FILTER", "kernel");
	expect("seccomp without effect", advise_seccomp, good, T(t->seccomp = EPROTO), PROBE_MISSING,
	       "no effect", "");

	expect("Landlock", advise_landlock, good, works, PROBE_ACTIVE, "ABI 6", "");
	expect("a later Landlock", advise_landlock, M(m->landlock_abi = 99), works, PROBE_ACTIVE, "ABI 99", "");
	expect("Landlock of Debian 12", advise_landlock, M(m->landlock_abi = 2), works, PROBE_LIMITED,
	       "truncation (6.2)", "newer");
	expect("Landlock 4", advise_landlock, M(m->landlock_abi = 4), works, PROBE_LIMITED,
	       "ABI 4, without rules for device", "newer");
	expect("Landlock off", advise_landlock, M(m->landlock_abi = 0, strcpy(m->lsm, "capability,yama")),
	       T(t->landlock = EOPNOTSUPP), PROBE_MISSING, "lsm=capability,yama",
	       "lsm=landlock,capability,yama");
	expect("Landlock too new", advise_landlock,
	       M(m->landlock_abi = 0, m->kernel_major = 5, m->kernel_minor = 10), T(t->landlock = ENOSYS),
	       PROBE_MISSING, "5.13", "newer");
	expect("no Landlock", advise_landlock, M(m->landlock_abi = 0), T(t->landlock = ENOSYS), PROBE_MISSING,
	       "built without", "CONFIG_SECURITY_LANDLOCK");
	expect("Landlock in a container", advise_landlock, M(m->landlock_abi = 0, m->seccomp_filtered = true),
	       T(t->landlock = ENOSYS), PROBE_MISSING, "seccomp filter", "unconfined");

	expect("AppArmor", advise_apparmor, good, works, PROBE_ACTIVE, "\"unconfined\"", "");
	expect("no profile for servers", advise_apparmor, M(m->apparmor_server = false), works, PROBE_LIMITED, "not loaded",
	       "make install");
	expect("a profile to be loaded", advise_apparmor,
	       M(m->apparmor_server = false, m->apparmor_file[0] = true), works, PROBE_LIMITED, "not loaded",
	       "apparmor_parser -r " APPARMOR_DIR "/mcpcage-server");
	expect("a profile that forbids", advise_namespaces, M(strcpy(m->apparmor_label, "desk")), N(EACCES), PROBE_MISSING,
	       "forbids user namespaces: desk", "userns,");
	expect("and ours to be loaded", advise_namespaces,
	       M(strcpy(m->apparmor_label, "desk"), m->apparmor_file[1] = true), N(EACCES), PROBE_MISSING, "desk",
	       "apparmor_parser -r " APPARMOR_DIR "/mcpcage");
	expect("AppArmor off", advise_apparmor, M(m->apparmor_on = false), T(t->apparmor = -1), PROBE_MISSING,
	       "at boot", "apparmor=1");
	expect("no AppArmor", advise_apparmor, M(m->apparmor_on = m->apparmor_parameter = false),
	       T(t->apparmor = -1), PROBE_MISSING, "no AppArmor", "nothing to do");
	expect("no stacking", advise_apparmor, good, T(t->apparmor = EACCES), PROBE_MISSING, "does not let us",
	       "change_profile");
}

static void test_cgroup(void)
{
	expect("a user's scope", advise_cgroup, good, works, PROBE_ACTIVE, "through the user's systemd", "");
	expect("root's scope", advise_cgroup, M(m->root = true), works, PROBE_ACTIVE, "through systemd", "");
	expect("a delegated group", advise_cgroup, M(m->cgroup = CGROUP_DELEGATED), works, PROBE_ACTIVE,
	       "of our own", "");
	expect("no cpu controller", advise_cgroup, M(m->cgroup_missing = CGROUP_LIMIT_CPU), works,
	       PROBE_LIMITED, "without limits on: cpu", "Delegate=cpu cpuset io memory pids");
	expect("disks can be limited", advise_cgroup, good, works, PROBE_ACTIVE, "cpu, io", "");
	expect("no io controller", advise_cgroup,
	       M(m->cgroup_missing = CGROUP_LIMIT_IO, strcpy(m->cgroup_reason, "no io")), works, PROBE_ACTIVE, "cpu; not io: no io",
	       "Delegate=cpu cpuset io memory pids");
	expect("no io controller for root", advise_cgroup,
	       M(m->cgroup_missing = CGROUP_LIMIT_IO, m->root = true, strcpy(m->cgroup_reason, "no io")), works, PROBE_ACTIVE,
	       "cpu; not io: no io", "nothing to do unless");
	expect("a disk without a name", advise_cgroup,
	       M(m->cgroup_missing = CGROUP_LIMIT_IO, m->cgroup_io = true, strcpy(m->cgroup_reason, "/ lies on x")), works,
	       PROBE_ACTIVE, "not io: / lies on x", "nothing to do unless");
	expect("neither cpu nor io", advise_cgroup, M(m->cgroup_missing = CGROUP_LIMIT_CPU | CGROUP_LIMIT_IO), works,
	       PROBE_LIMITED, "without limits on: cpu, io", "Delegate=cpu cpuset io memory pids");
	expect("neither swap accounting nor io", advise_cgroup, M(m->cgroup_missing = CGROUP_LIMIT_SWAP | CGROUP_LIMIT_IO),
	       works, PROBE_LIMITED, "swap, io", "swapaccount=1");
	expect("no swap accounting", advise_cgroup, M(m->cgroup_missing = CGROUP_LIMIT_SWAP), works,
	       PROBE_LIMITED, "swap", "swapaccount=1");
	expect("a scope that fails", advise_cgroup,
	       M(m->cgroup_failed = true, strcpy(m->cgroup_reason, "no answer")), works, PROBE_MISSING,
	       "no answer", "systemd-run --user --scope true");
	expect("no session", advise_cgroup, M(m->cgroup = CGROUP_NONE, strcpy(m->cgroup_reason, "no session")),
	       works, PROBE_MISSING, "no session", "loginctl enable-linger");
	expect("hybrid", advise_cgroup,
	       M(m->cgroup = CGROUP_NONE, m->cgroup_unified = false, strcpy(m->cgroup_reason, "v1")), works,
	       PROBE_MISSING, "v1", "systemd.unified_cgroup_hierarchy=1");
	expect("a container", advise_cgroup,
	       M(m->cgroup = CGROUP_NONE, m->container = true, m->systemd = false,
		 strcpy(m->cgroup_reason, "not writable")),
	       works, PROBE_MISSING, "not writable", "--memory");
	expect("no systemd", advise_cgroup,
	       M(m->cgroup = CGROUP_NONE, m->systemd = false, strcpy(m->cgroup_reason, "not writable")), works,
	       PROBE_MISSING, "not writable", "delegated");
}

/* ---- this machine ------------------------------------------------------------------------------------ */

static int count_fds(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");

	for (; dir && readdir(dir); n++)
		;
	if (dir)
		closedir(dir);
	return n;
}

static void test_this_machine(void)
{
	struct probe_result results[PROBE_MAX];
	struct timespec a, b;
	int abi = -1, fds = count_fds();

	clock_gettime(CLOCK_MONOTONIC, &a);
	unsigned layers = probe_layers(&abi);
	clock_gettime(CLOCK_MONOTONIC, &b);
	diag("probe_layers took %ld us", (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
	is_int(layers & LAYERS_ALWAYS, LAYERS_ALWAYS, "the layers that each start has");
	is_int(!!(layers & LAYER_LANDLOCK), abi > 0, "Landlock and its ABI agree");
	is_int(!!(layers & LAYER_CGROUP), cgroup_probe(NULL, 0) != CGROUP_NONE, "so do cgroup and its probe");
	is_int(probe_layers(NULL), layers, "nobody has to ask for the ABI");

	size_t n = probe_all(results);
	is_int(count_fds(), fds, "no descriptor is left open");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left");
	unsigned seen = 0, active = 0;
	for (size_t i = 0; i < n; i++) {
		diag("%s: %s", results[i].name, results[i].detail);
		seen |= results[i].layer;
		if (results[i].state != PROBE_MISSING)
			active |= results[i].layer;
		ok(results[i].state != PROBE_ACTIVE || !results[i].remedy[0],
		   "%s: nothing to mend where all is well", results[i].name);
		ok(results[i].detail[0], "%s: says something", results[i].name);
	}
	is_int(seen,
	       LAYER_USERNS | LAYER_SECCOMP | LAYER_LANDLOCK | LAYER_APPARMOR | LAYER_CGROUP | LAYER_TIMENS,
	       "each layer is shown");
	is_int(active & ~(unsigned)LAYERS_ALWAYS & ~(unsigned)LAYER_CGROUP,
	       layers & ~(unsigned)LAYERS_ALWAYS & ~(unsigned)LAYER_CGROUP,
	       "what was tried agrees with what a start counts on");
	is_int(active & LAYER_SECCOMP, LAYER_SECCOMP, "seccomp works here");
}

int main(void)
{
	test_namespaces();
	test_mounts();
	test_security();
	test_cgroup();
	test_this_machine();
	return done_testing();
}
