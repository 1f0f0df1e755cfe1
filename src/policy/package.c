/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What package.h declares: the life of a request and of a package, and which command is meant. Pure. */
#include "policy/package.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json-out.h"

#include <string.h>

const char *ecosystem_name(enum ecosystem ecosystem)
{
	return ecosystem == ECOSYSTEM_NPM ? "npm" : "pypi";
}

void package_request_free(struct package_request *request)
{
	strlist_free(&request->specs);
	free(request->python);
	*request = (struct package_request){ 0 };
}

int package_request_copy(struct package_request *to, const struct package_request *from, struct error *err)
{
	*to = (struct package_request){ .ecosystem = from->ecosystem, .scripts = from->scripts };
	to->python = from->python ? strdup(from->python) : NULL;
	if (strlist_copy(&to->specs, &from->specs) == 0 && (to->python || !from->python))
		return 0;
	package_request_free(to);
	return error_oom(err);
}

const char *package_request_first(const struct package_request *request)
{
	return request->specs.n ? request->specs.v[0] : "";
}

char *package_request_text(const struct package_request *request)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);

	buf_printf(&out, "%s%s ", ecosystem_name(request->ecosystem), request->scripts ? " scripts" : "");
	if (request->python) {
		json_string(&out, span_of(request->python));
		buf_putc(&out, ' ');
	}
	buf_putc(&out, '[');
	for (size_t i = 0; i < request->specs.n; i++) {
		if (i)
			buf_putc(&out, ',');
		json_string(&out, span_of(request->specs.v[i]));
	}
	buf_putc(&out, ']');
	const char *text = buf_str(&out);
	return text && !out.full ? strdup(text) : NULL;
}

/* "1.2.3", "1.2.3-beta.1+x": digits first, and nothing that makes a range of it. */
static bool one_version(const char *v)
{
	unsigned dots = 0;

	if (*v < '0' || *v > '9')
		return false;
	for (; *v && *v != '-' && *v != '+'; v++) {
		if (*v == '.')
			dots++;
		else if (*v < '0' || *v > '9')
			return false;
	}
	return dots == 2 && !strpbrk(v, " |<>=*^~");
}

static bool spec_pinned(enum ecosystem ecosystem, const char *spec)
{
	if (ecosystem == ECOSYSTEM_NPM) {
		const char *at = *spec ? strchr(spec + 1, '@') : NULL;
		return at && one_version(at + 1);
	}
	const char *equal = strstr(spec, "==");
	return equal && equal[2] != '=' && equal[2] && !strpbrk(equal + 2, "*,;<>=!~ ");
}

bool package_request_pinned(const struct package_request *request)
{
	for (size_t i = 0; i < request->specs.n; i++)
		if (!spec_pinned(request->ecosystem, request->specs.v[i]))
			return false;
	return request->specs.n > 0;
}

void package_free(struct package *package)
{
	package_request_free(&package->request);
	for (size_t i = 0; i < package->parts_n; i++) {
		free(package->parts[i].name);
		free(package->parts[i].version);
		free(package->parts[i].integrity);
		free(package->parts[i].path);
	}
	free(package->parts);
	for (size_t i = 0; i < package->commands_n; i++) {
		free(package->commands[i].name);
		free(package->commands[i].path);
	}
	free(package->commands);
	free(package->tool);
	free(package->interpreter);
	free(package->interpreter_version);
	free(package->folder);
	*package = (struct package){ 0 };
}

/* The name in SPEC without scope, version and extras, N bytes. */
static const char *own_name(enum ecosystem ecosystem, const char *spec, size_t *n)
{
	if (ecosystem == ECOSYSTEM_NPM) {
		const char *slash = spec[0] == '@' ? strchr(spec, '/') : NULL;
		const char *name = slash ? slash + 1 : spec;
		*n = strcspn(name, "@");
		return name;
	}
	*n = strcspn(spec, "[<>=!~; @");
	return spec;
}

char *package_spec_name(enum ecosystem ecosystem, const char *spec)
{
	size_t n;
	const char *own = own_name(ecosystem, spec, &n);

	return strndup(spec, (size_t)(own - spec) + n);
}

static int refuse(const struct package *package, const char *name, struct error *err)
{
	CLEANUP_BUF struct buf list = BUF_INIT(400);

	for (size_t i = 0; i < package->commands_n; i++)
		if (package->commands[i].asked)
			buf_printf(&list, "%s%s", list.n ? ", " : "", package->commands[i].name);
	const char *text = buf_str(&list);
	const char *spec = package->request.specs.v[0];
	if (name)
		error_set(err, 0, "%s has no command \"%s\"", spec, name);
	else if (list.n)
		error_set(err, 0, "%s has several commands, and none of them is called as it is", spec);
	else
		error_set(err, 0, "%s has no command that could be started", spec);
	error_kind(err, ERROR_NOT_FOUND);
	if (text && list.n)
		return error_hint(err, "it has: %s; name one with --package (npx) or --from (uvx)", text);
	return error_hint(err, "it may be a library, or its command another package's");
}

const struct package_command *package_command(const struct package *package, const char *name, struct error *err)
{
	const struct package_command *only = NULL, *byname = NULL, *other = NULL;
	size_t asked = 0, n;
	const char *own = own_name(package->request.ecosystem, package->request.specs.v[0], &n);

	for (size_t i = 0; i < package->commands_n; i++) {
		const struct package_command *c = &package->commands[i];
		if (name && strcmp(c->name, name) == 0) {
			if (c->asked)
				return c;
			other = c;
		}
		if (!c->asked)
			continue;
		asked++;
		only = c;
		if (strlen(c->name) == n && strncmp(c->name, own, n) == 0)
			byname = c;
	}
	if (name && other)
		return other;
	if (!name && asked == 1)
		return only;
	if (!name && byname)
		return byname;
	refuse(package, name, err);
	return NULL;
}
