/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installing a package: what is the same for all tools. The order: ask the user's tool where packages come from; install in the cage; have
 * what was installed listed by a confined process; check every string and path of the list against the tree as it is.
 *
 * Checked here and not only there: a path of a command is opened below the tree with openat2(2) and must be a regular file without a
 * symlink on the way out. Called by the command line; works for one package at a time.
 */
#include "session/fetch-impl.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HARVEST_TIMEOUT 60000u

int fetch_add(struct strlist *list, struct error *err, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 || strlist_take(list, text) < 0 ? error_oom(err) : 0;
}

/* ---- the user's environment ---- */

const char *fetch_env(const struct fetching *f, const char *name)
{
	size_t n = strlen(name);

	for (char *const *e = f->fetch->user->environ_; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=' && (*e)[n + 1])
			return *e + n + 1;
	return NULL;
}

int fetch_pass(struct fetching *f, struct fetch_command *command, const char *name, struct error *err)
{
	const char *value = fetch_env(f, name);

	return value ? fetch_add(&command->env, err, "%s=%s", name, value) : 0;
}

int fetch_pass_file(struct fetching *f, struct fetch_command *command, const char *name, struct error *err)
{
	const char *value = fetch_env(f, name);

	if (!value || value[0] != '/')
		return 0;
	if (access(value, R_OK) < 0)
		return error_set(err, errno, "cannot read %s, which %s names", value, name);
	CLEANUP_FREE char *path = path_normalize(value);
	if (!path || strlist_add(&command->show, path) < 0)
		return error_oom(err);
	return fetch_pass(f, command, name, err);
}

/* Whether the authority that starts at P (RFC 3986: up to "/", "?" or "#") has user information in it. */
static bool has_userinfo(const char *p, const char *end)
{
	for (; p < end && !strchr("/?# \t\n\"'", *p); p++)
		if (*p == '@')
			return true;
	return false;
}

int fetch_check_address(const char *where, struct span text, struct error *err)
{
	const char *end = text.p + text.n;
	bool found = false;

	for (const char *at = text.p; !found && at && (at = memmem(at, (size_t)(end - at), "://", 3)); at += 3)
		found = has_userinfo(at + 3, end);
	if (!found)
		return 0;
	error_set(err, 0, "%s has credentials in it, which do not enter the cage that packages are installed in", where);
	error_kind(err, ERROR_USAGE);
	return error_hint(err, "install with that registry yourself, and give the installed program as the command");
}

int fetch_show_paths(struct fetching *f, struct fetch_command *command, const char *text, struct error *err)
{
	CLEANUP_FREE char *copy = strdup(text);
	char *rest = copy;

	(void)f;
	for (char *word = copy ? strsep(&rest, " ,\t\n") : NULL; word; word = strsep(&rest, " ,\t\n")) {
		CLEANUP_FREE char *path = word[0] == '/' && access(word, R_OK) == 0 ? path_normalize(word) : NULL;
		if (path && strlist_add(&command->show, path) < 0)
			return error_oom(err);
	}
	return copy ? 0 : error_oom(err);
}

int fetch_pass_address(struct fetching *f, struct fetch_command *command, const char *name, struct error *err)
{
	const char *value = fetch_env(f, name);

	if (value && (fetch_check_address(name, span_of(value), err) < 0 || fetch_add_hosts(command, name, span_of(value), err) < 0))
		return -1;
	return fetch_pass(f, command, name, err);
}

int fetch_pass_common(struct fetching *f, struct fetch_command *command, struct error *err)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY" };
	static const char *const without[] = { "no_proxy", "NO_PROXY" };
	static const char *const files[] = { "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE" };

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		const char *value = fetch_env(f, proxies[i]);
		if (value && (fetch_check_address(proxies[i], span_of(value), err) < 0 ||
			      fetch_add_proxy(f, command, proxies[i], value, err) < 0 || fetch_pass(f, command, proxies[i], err) < 0))
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (fetch_pass(f, command, without[i], err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fetch_pass_file(f, command, files[i], err) < 0)
			return -1;
	return 0;
}

char *fetch_beside(const struct fetching *f)
{
	const char *runner = f->fetch->runner;
	const char *slash = runner && runner[0] == '/' ? strrchr(runner, '/') : NULL;

	return slash && slash != runner ? strndup(runner, (size_t)(slash - runner)) : NULL;
}

char *fetch_tool(struct fetching *f, const char *name, struct error *err)
{
	const struct facts *user = f->fetch->user;
	CLEANUP(facts_free) struct facts scratch = { 0 };
	CLEANUP_FREE char *beside = fetch_beside(f);

	scratch.home = strdup(user->home);
	scratch.home_env = user->home_env ? strdup(user->home_env) : NULL;
	if (!scratch.home || (user->home_env && !scratch.home_env)) {
		error_oom(err);
		return NULL;
	}
	return target_tool(name, beside, user->environ_, &scratch, err);
}

int fetch_ask(struct fetching *f, const struct strlist *argv, struct buf *out, struct error *err)
{
	const struct facts *user = f->fetch->user;
	int status;

	if (job_outside(argv, user->environ_, user->home_env ? user->home_env : user->home, FETCH_ASK_TIMEOUT, &f->interrupt, out, &status,
			err) < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, 0, "%s ended with status %d", argv->v[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return -1;
}

/* ---- files in the stage ---- */

int fetch_write(const char *folder, const char *name, struct span content, struct error *err)
{
	CLEANUP_FREE char *path = path_join(folder, name);
	CLEANUP_CLOSE int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;

	if (fd < 0 || fd_write_all(fd, content.p, content.n) < 0)
		return error_set(err, errno, "cannot write %s", path ? path : name);
	return 0;
}

int fetch_open(const char *folder, const char *path)
{
	CLEANUP_CLOSE int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int fd = root < 0 ? -1 : path_openat2(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return TAKE_FD(&fd);
}

/* ---- harvesting ---- */

const struct harvest_record *harvest_at(const struct buf *records, size_t i)
{
	return (const struct harvest_record *)(const void *)(records->p + i * sizeof(struct harvest_record));
}

int fetch_harvest(struct fetching *f, job_function *fn, void *context, int fd, const char *what, struct buf *records, struct error *err)
{
	records->max = HARVEST_RECORDS_MAX * sizeof(struct harvest_record);
	if (job_confined(fn, context, &fd, 1, what, HARVEST_TIMEOUT, &f->interrupt, records, err) < 0)
		return -1;
	bool good = records->n % sizeof(struct harvest_record) == 0;
	for (size_t i = 0; good && i < harvest_count(records); i++)
		good = harvest_record_ok(harvest_at(records, i));
	return good ? 0 : error_set(err, 0, "the process that reads %s sent something that is no record", what);
}

/* Bytes that somebody else wrote, for a confined process to read. */
static int memory_file(const void *bytes, size_t n, struct error *err)
{
	CLEANUP_CLOSE int fd = memfd_create("mcpcage-harvest", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, bytes, n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, errno, "cannot make a file in memory");
	return TAKE_FD(&fd);
}

/* ---- failures ---- */

static const struct {
	const char *what; /* before the tool's own words */
	const char *hint;
} failures[FAILED_COUNT_] = {
	[FAILED_UNKNOWN] = { "failed", "-v shows more of what it said" },
	[FAILED_OFFLINE] = { "cannot reach the registry", "is this machine offline, or a proxy needed? What is in the store works offline" },
	[FAILED_NO_PACKAGE] = { "the registry has no such package",
				"look at the spelling of its name; one that is private needs credentials, which do not enter the cage" },
	[FAILED_NO_VERSION] = { "the registry has no such version of it", NULL },
	[FAILED_INTEGRITY] = { "what was downloaded is not what the registry promised (integrity)",
			       "nothing of it was installed; if it happens again, somebody tampers with the registry or the way to it" },
	[FAILED_DISK] = { "the disk is full", NULL },
	[FAILED_SCRIPT] = { "an install script or a build in it failed", "-v shows more of what it said" },
	[FAILED_BUILD] = { "it has no ready-made form for this interpreter, and has to be built",
			   "--allow-scripts lets code of the package build it, in a cage without your files" },
	[FAILED_VERSION] = { "it is not for the interpreter that is here", "install another version of the interpreter, or of the package" },
	[FAILED_PLATFORM] = { "it is not for this kind of machine", NULL },
	[FAILED_CONFLICT] = { "its dependencies contradict each other", "another version of it may fit" },
	[FAILED_DENIED] = { "the registry refuses it without credentials, and none enter the cage",
			    "install it yourself, and give the installed program as the command" },
	[FAILED_TLS] = { "the registry's certificate is not to be trusted",
			 "behind a proxy that has certificates of its own, tell npm (cafile), pip (cert) or uv (SSL_CERT_FILE) of them" },
	[FAILED_REGISTRY] = { "the registry answers with an error", "try again later" },
	[FAILED_ARCHIVE] = { "the package is damaged, or wants to write elsewhere", NULL },
};

static int read_output(void *context, const int *fds, int out)
{
	const char *tool = context;
	/* harvest_serve() takes functions without a context. */
	return harvest_serve(strcmp(tool, "npm") == 0 ? harvest_output_npm : harvest_output_python, fds[0], out);
}

static int read_remarks(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_remarks_npm, fds[0], out);
}

int fetch_remarks(struct fetching *f, struct error *err)
{
	CLEANUP_BUF struct buf records = BUF_INIT(0);

	if (f->said_n == 0)
		return 0;
	CLEANUP_CLOSE int fd = memory_file(f->said, f->said_n, err);
	if (fd < 0 || fetch_harvest(f, read_remarks, NULL, fd, "the installer's output", &records, err) < 0)
		return -1;
	for (size_t i = 0; i < harvest_count(&records); i++)
		log_line(f->fetch->log, "it may not work: %s", harvest_at(&records, i)->path);
	return 0;
}

/* What the failure of a tool means where the tool itself does not tell two things apart. */
static const char *what_failed(const struct fetching *f, unsigned failure)
{
	/* pip says the same of a name that nobody has and of one with nothing but sources. */
	if (failure == FAILED_NO_PACKAGE && strcmp(f->tool, "pip") == 0 && !f->fetch->request->scripts)
		return "the registry has no such package, or none that is ready-made for this interpreter";
	return failures[failure].what;
}

int fetch_failed(struct fetching *f, int status, struct error *err)
{
	CLEANUP_CLOSE int fd = memory_file(f->said, f->said_n, err);
	CLEANUP_BUF struct buf records = BUF_INIT(0);
	const char *asked = f->fetch->request->specs.v[0];
	size_t shown = 0;

	if (fd < 0 || fetch_harvest(f, read_output, (void *)f->tool, fd, "the installer's output", &records, err) < 0)
		return -1;
	const struct harvest_record *failure = harvest_count(&records) ? harvest_at(&records, 0) : NULL;
	if (!failure || failure->kind != HARVEST_FAILURE)
		return error_set(err, 0, "%s cannot be installed: %s failed", asked, f->tool);
	for (size_t i = 1; i < harvest_count(&records); i++, shown++)
		log_detail(f->fetch->log, "%s: %s", f->tool, harvest_at(&records, i)->path);
	const char *about = failure->name[0] && strcmp(failure->name, asked) != 0 ? failure->name : NULL;
	error_set(err, 0, "%s cannot be installed: %s%s%s%s", asked, what_failed(f, failure->flags), about ? " (" : "", about ? about : "",
		  about ? ")" : "");
	if (failure->flags == FAILED_UNKNOWN) {
		const char *last = shown > 0 ? harvest_at(&records, harvest_count(&records) - 1)->path : "";
		if (WIFSIGNALED(status))
			error_set(err, 0, "%s cannot be installed: %s was ended by signal %d", asked, f->tool, WTERMSIG(status));
		else
			error_set(err, 0, "%s cannot be installed: %s ended with status %d%s%s", asked, f->tool, WEXITSTATUS(status),
				  last[0] ? ": " : "", last);
	}
	if (failure->flags == FAILED_NO_PACKAGE && strcmp(f->tool, "pip") == 0 && !f->fetch->request->scripts)
		return error_hint(err, "look at the spelling of its name; --allow-scripts lets it be built from source");
	return failures[failure->flags].hint ? error_hint(err, "%s", failures[failure->flags].hint) : -1;
}

/* ---- the result ---- */

static int grow(void **v, size_t n, size_t size)
{
	if (n % 256 != 0)
		return 0;
	void *grown = reallocarray(*v, n + 256, size);
	if (!grown)
		return -1;
	*v = grown;
	return 0;
}

int fetch_add_part(struct package *package, const struct harvest_record *r, bool asked, struct error *err)
{
	if (grow((void **)&package->parts, package->parts_n, sizeof *package->parts) < 0)
		return error_oom(err);
	struct package_part *part = &package->parts[package->parts_n];
	*part = (struct package_part){
		.name = strdup(r->name),
		.version = strdup(r->version),
		.integrity = strdup(r->integrity),
		.path = strdup(r->path),
		.scripts = r->flags & HARVEST_HAS_SCRIPTS,
		.asked = asked,
	};
	package->parts_n++;
	return part->name && part->version && part->integrity && part->path ? 0 : error_oom(err);
}

bool fetch_has_command(const struct package *package, const char *name)
{
	for (size_t i = 0; i < package->commands_n; i++)
		if (strcmp(package->commands[i].name, name) == 0)
			return true;
	return false;
}

int fetch_add_command(struct package *package, const char *name, const char *path, bool asked, struct error *err)
{
	if (grow((void **)&package->commands, package->commands_n, sizeof *package->commands) < 0)
		return error_oom(err);
	struct package_command *command = &package->commands[package->commands_n];
	*command = (struct package_command){ .name = strdup(name), .path = strdup(path), .asked = asked };
	package->commands_n++;
	return command->name && command->path ? 0 : error_oom(err);
}

static int read_heads(void *context, const int *fds, int out)
{
	(void)context;
	return harvest_serve(harvest_heads, fds[0], out);
}

/* The first bytes of each command's file, nothing for one that is not there. */
static int collect_heads(struct fetching *f, struct buf *heads, struct error *err)
{
	for (size_t i = 0; i < f->package->commands_n; i++) {
		CLEANUP_CLOSE int fd = fetch_open(f->stage->files, f->package->commands[i].path);
		char head[HARVEST_HEAD] = "";
		if (fd >= 0 && read(fd, head, sizeof head) < 0)
			return error_set(err, errno, "cannot read %s", f->package->commands[i].path);
		if (buf_append(heads, head, sizeof head) < 0)
			return error_oom(err);
	}
	return 0;
}

/* A script that was published without its first line, and is there. */
static bool is_javascript(const struct fetching *f, const char *path)
{
	const char *dot = strrchr(path, '.');
	CLEANUP_CLOSE int fd = fetch_open(f->stage->files, path);

	return fd >= 0 && dot && (strcmp(dot, ".js") == 0 || strcmp(dot, ".mjs") == 0 || strcmp(dot, ".cjs") == 0);
}

/* What cannot be started is dropped. */
static void keep_startable(struct fetching *f, const struct buf *records)
{
	struct package *package = f->package;
	size_t kept = 0;

	for (size_t i = 0; i < package->commands_n; i++) {
		struct package_command command = package->commands[i];
		unsigned start = harvest_at(records, i)->flags;
		if (start == HARVEST_NO_START && package->request.ecosystem == ECOSYSTEM_NPM && is_javascript(f, command.path))
			start = PACKAGE_NODE;
		command.start = (enum package_start)start;
		if (start != HARVEST_NO_START) {
			package->commands[kept++] = command;
			continue;
		}
		free(command.name);
		free(command.path);
	}
	package->commands_n = kept;
}

static int by_path(const void *a, const void *b)
{
	const struct package_part *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct package_command *)a)->name, ((const struct package_command *)b)->name);
}

int fetch_finish(struct fetching *f, struct error *err)
{
	struct package *package = f->package;
	CLEANUP_BUF struct buf heads = BUF_INIT(HARVEST_FILE_MAX), records = BUF_INIT(0);

	if (package->parts_n > 0)
		qsort(package->parts, package->parts_n, sizeof *package->parts, by_path);
	if (package->commands_n == 0)
		return 0;
	if (collect_heads(f, &heads, err) < 0)
		return -1;
	CLEANUP_CLOSE int fd = memory_file(heads.p, heads.n, err);
	if (fd < 0 || fetch_harvest(f, read_heads, NULL, fd, "the package's programs", &records, err) < 0)
		return -1;
	if (harvest_count(&records) != package->commands_n)
		return error_set(err, 0, "the process that reads the package's programs did not report all of them");
	keep_startable(f, &records);
	if (package->commands_n > 0)
		qsort(package->commands, package->commands_n, sizeof *package->commands, by_name);
	return 0;
}

int fetch_set_interpreter(struct package *package, const char *file, const char *version, struct error *err)
{
	CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *chunk = malloc(1 << 18);
	crypto_generichash_state state;
	ssize_t n = fd < 0 || !chunk ? -1 : 1;

	crypto_generichash_init(&state, NULL, 0, PACKAGE_HASH);
	while (n > 0) {
		n = read(fd, chunk, 1 << 18);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			crypto_generichash_update(&state, (const unsigned char *)chunk, (unsigned long long)n);
	}
	if (n < 0)
		return error_set(err, errno, "cannot read %s", file);
	crypto_generichash_final(&state, package->interpreter_hash, PACKAGE_HASH);
	package->interpreter = strdup(file);
	package->interpreter_version = strdup(version);
	return package->interpreter && package->interpreter_version ? 0 : error_oom(err);
}

/* ---- the whole ---- */

static void summary(const struct fetching *f)
{
	size_t with_scripts = 0;
	const struct package *package = f->package;

	for (size_t i = 0; i < package->parts_n; i++)
		with_scripts += package->parts[i].scripts;
	log_line(f->fetch->log, "installed %zu %s in %.1f s", package->parts_n, package->parts_n == 1 ? "package" : "packages",
		 (double)(interrupt_now() - f->started) / 1000);
	if (with_scripts > 0 && !package->scripts_ran)
		log_line(f->fetch->log, "%zu of them %s install scripts, which were not run; --allow-scripts runs them, in a cage",
			 with_scripts, with_scripts == 1 ? "has" : "have");
}

static int make_places(struct fetching *f, struct error *err)
{
	CLEANUP_FREE char *tmp = path_join(f->stage->work, "tmp");

	f->said = malloc(FETCH_SAID);
	if (!f->said || !tmp)
		return error_oom(err);
	return mkdir(tmp, 0700) < 0 && errno != EEXIST ? error_set(err, errno, "cannot make %s", tmp) : 0;
}

int fetch_package(const struct fetch *fetch, struct stage *stage, struct package *package, struct error *err)
{
	struct fetching f = {
		.fetch = fetch, .stage = stage, .package = package, .interrupt = INTERRUPT_NONE, .started = interrupt_now(), .tool = "",
	};
	int rc = -1;

	*package = (struct package){ 0 };
	f.told = f.started;
	if (package_request_copy(&package->request, fetch->request, err) < 0 || interrupt_watch(&f.interrupt, err) < 0) {
		package_free(package);
		return -1;
	}
	if (make_places(&f, err) == 0)
		rc = fetch->request->ecosystem == ECOSYSTEM_NPM ? fetch_npm(&f, err) : fetch_python(&f, err);
	if (rc == 0)
		rc = fetch_finish(&f, err);
	interrupt_end(&f.interrupt);
	free(f.said);
	strlist_free(&f.proxies_told);
	if (rc < 0) {
		package_free(package);
		return -1;
	}
	package->time = time(NULL);
	summary(&f);
	return 0;
}
