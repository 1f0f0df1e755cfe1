/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a package runner's command stands for: from the store, or installed now. Installing holds the lock of the request, so that five
 * clients that start the same server at once install it once. Whatever ends it early leaves a folder in the store's staging area, which
 * the next one throws away, and nothing else.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "base/path.h"
#include "session/fetch.h"
#include "store/audit.h"
#include "store/packages.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

char *store_folder(const struct paths *paths)
{
	return path_join(paths->user_data, "packages");
}

struct waiting {
	const struct log *log;
	const struct package_request *request;
};

static void tell_waiting(void *context)
{
	const struct waiting *w = context;

	log_line(w->log, "%s is being installed by another mcpcage: waiting for it", package_request_first(w->request));
}

static void put_hash(struct buf *line, const char *key, const uint8_t hash[PACKAGE_HASH])
{
	char text[2 * PACKAGE_HASH + 1];

	for (size_t i = 0; i < PACKAGE_HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	json_member_str(line, key, text);
}

/* What was installed, in the audit log: each part with the registry's integrity value is in the store's record. */
static int record(const struct obtaining *with, const struct package *p, struct error *err)
{
	CLEANUP(audit_close) struct audit audit = AUDIT_OFF;
	CLEANUP_BUF struct buf line = BUF_INIT(0);

	if (audit_open(&audit, with->audit, err) < 0)
		return -1;
	audit_begin(&audit, &line, "install");
	json_member_str(&line, "ecosystem", ecosystem_name(p->request.ecosystem));
	json_key(&line, "specs");
	buf_putc(&line, '[');
	for (size_t i = 0; i < p->request.specs.n; i++) {
		json_comma(&line);
		json_string(&line, span_of(p->request.specs.v[i]));
	}
	buf_putc(&line, ']');
	for (size_t i = 0; i < p->parts_n; i++) {
		if (!p->parts[i].asked)
			continue;
		json_member_str(&line, "name", p->parts[i].name);
		json_member_str(&line, "version", p->parts[i].version);
		json_member_str(&line, "integrity", p->parts[i].integrity);
		break;
	}
	put_hash(&line, "tree", p->tree);
	json_member_u64(&line, "packages", p->parts_n);
	json_member_u64(&line, "files", p->files);
	json_member_u64(&line, "bytes", p->bytes);
	json_member_bool(&line, "scripts", p->scripts_ran);
	json_member_str(&line, "tool", p->tool);
	json_member_str(&line, "interpreter", p->interpreter);
	put_hash(&line, "interpreter_hash", p->interpreter_hash);
	return audit_end(&audit, &line, err);
}

/* Install into a stage of STORE and make it the answer to REQUEST. */
static int install(const struct obtaining *with, struct store *store, const struct package_request *request,
		   struct package *package, struct error *err)
{
	CLEANUP(stage_end) struct stage stage = { .lock = -1 };
	const struct fetch fetch = {
		.request = request,
		.user = with->user,
		.policy = with->policy,
		.pkgdata = with->paths->pkgdata,
		.runner = with->runner,
		.log = with->log,
	};

	if (stage_begin(store, &stage, err) < 0 || fetch_package(&fetch, &stage, package, err) < 0)
		return -1;
	if (stage_publish(&stage, package, err) < 0)
		return -1;
	return record(with, package, err);
}

static int refuse_missing(const struct obtaining *with, const struct package_request *request, enum obtain_how how,
			  struct error *err)
{
	error_set(err, 0, "%s is not in the store of packages%s", package_request_first(request),
		  how == OBTAIN_STORED ? " yet" : ", and packages.fetch (--fetch) lets no session install it");
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "\"mcpcage fetch%s -- \" and the command installs it",
			  with->policy->packages_scripts ? " --allow-scripts" : "");
}

/* Under the request's lock. 0 with PACKAGE, from the store or new. */
static int install_once(const struct obtaining *with, struct store *store, const struct package_request *request,
			enum obtain_how how, struct package *package, struct error *err)
{
	struct waiting waiting = { with->log, request };
	CLEANUP_CLOSE int lock = store_lock(store, request, tell_waiting, &waiting, err);

	if (lock < 0)
		return -1;
	int found = how == OBTAIN_FRESH ? 0 : store_find(store, request, package, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return install(with, store, request, package, err);
}

/*
 * This process starts the package: it is not collected as long as the process lives. Nothing closes the descriptor, and no child keeps it
 * (each closes what is not its own before it does anything).
 */
static int keep(struct store *store, const struct package *package, struct error *err)
{
	static int in_use = -1;
	int fd = store_use(store, package, err);

	if (fd < 0)
		return -1;
	if (in_use >= 0)
		close(in_use);
	in_use = fd;
	return 0;
}

static void close_store(struct store **store)
{
	store_close(*store);
}

/* What REQUEST was resolved to, in use and verified: 1; 0: nothing; -1. */
static int stored(struct store *store, const struct package_request *request, struct package *package,
		  struct error *err)
{
	int found = store_find(store, request, package, err);

	if (found <= 0)
		return found;
	if (keep(store, package, err) == 0 && store_verify(store, package, err) == 0)
		return 1;
	package_free(package);
	return -1;
}

/* An update and a collection between two looks take away what was just found: there is a newer answer then. */
static int stored_now(struct store *store, const struct package_request *request, struct package *package,
		      struct error *err)
{
	for (int tries = 3;; tries--) {
		int found = stored(store, request, package, err);
		if (found >= 0 || tries == 0 || (err->sys != ENOENT && err->sys != ESTALE))
			return found;
	}
}

int obtain(const struct obtaining *with, const struct package_request *request, enum obtain_how how, struct package *package,
	   struct error *err)
{
	CLEANUP_FREE char *folder = store_folder(with->paths);
	CLEANUP(close_store) struct store *store = NULL;
	bool may = how == OBTAIN_ASKED || how == OBTAIN_FRESH ||
		   (how == OBTAIN_MISSING && with->policy->packages_fetch == FETCH_MISSING);

	if (!folder)
		return error_oom(err);
	if (!may && access(folder, F_OK) < 0)
		return refuse_missing(with, request, how, err);
	if (store_open(folder, &store, err) < 0)
		return -1;
	int found = how == OBTAIN_FRESH ? 0 : stored_now(store, request, package, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (!may)
		return refuse_missing(with, request, how, err);
	if (install_once(with, store, request, how, package, err) < 0 || keep(store, package, err) < 0 ||
	    store_verify(store, package, err) < 0) {
		package_free(package);
		return -1;
	}
	return 0;
}
