/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why an installer failed, by what it printed. Tools say it in codes (npm) or in sentences (pip, uv) that have been stable for years; a
 * sentence that is not known leaves the failure unnamed, and the tool's own last words are shown. What a package printed is in there as well
 * and may pretend what it likes: nothing follows from the answer but a message.
 */
#include "session/harvest.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define LINES_SHOWN 12
#define LINES_LOOKED 4096

/* ---- lines ---- */

/* One line of TEXT without colours and control characters, in TO; characters are never cut in the middle. */
static void clean_line(char *to, size_t size, struct span line)
{
	size_t n = 0;

	for (size_t i = 0; i < line.n && n + 1 < size; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if (c == 0x1b && i + 1 < line.n && line.p[i + 1] == '[') {
			for (i += 2; i < line.n && (line.p[i] < 0x40 || line.p[i] > 0x7e); i++)
				;
			continue;
		}
		if (c == '\r')
			n = 0; /* a progress line that was written over */
		else if (c == '\t')
			to[n++] = ' ';
		else if (c >= 0x20 && c != 0x7f)
			to[n++] = (char)c;
	}
	while (n > 0 && n + 1 == size && ((unsigned char)to[n - 1] & 0xc0) == 0x80)
		n--;
	while (n > 0 && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

static struct span line_around(struct span text, const char *at)
{
	const char *from = at, *to = at;

	while (from > text.p && from[-1] != '\n')
		from--;
	while (to < text.p + text.n && *to != '\n')
		to++;
	return (struct span){ from, (size_t)(to - from) };
}

static const char *find(struct span text, const char *needle)
{
	return memmem(text.p, text.n, needle, strlen(needle));
}

/* What of a line is about the matter: "npm error 404 ..." begins with whose line it is. */
static const char *without_prefix(const char *line)
{
	static const char *const prefixes[] = { "npm error ", "npm ERR! ", "npm warn ", "npm WARN ", "ERROR: ", "error: " };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0)
			return line + strlen(prefixes[i]);
	return line;
}

/* ---- npm: codes ---- */

static const struct {
	const char *code; /* the beginning of it */
	enum harvest_failure failure;
} npm_codes[] = {
	{ "E401", FAILED_DENIED }, { "E403", FAILED_DENIED }, { "ENEEDAUTH", FAILED_DENIED }, { "EAUTH", FAILED_DENIED },
	{ "E404", FAILED_NO_PACKAGE }, { "ETARGET", FAILED_NO_VERSION }, { "ENOVERSIONS", FAILED_NO_VERSION },
	{ "EINTEGRITY", FAILED_INTEGRITY },
	{ "ENOSPC", FAILED_DISK }, { "EDQUOT", FAILED_DISK }, { "EFBIG", FAILED_DISK },
	{ "ENOTFOUND", FAILED_OFFLINE }, { "EAI_AGAIN", FAILED_OFFLINE }, { "ECONNREFUSED", FAILED_OFFLINE },
	{ "ECONNRESET", FAILED_OFFLINE }, { "ETIMEDOUT", FAILED_OFFLINE }, { "ENETUNREACH", FAILED_OFFLINE },
	{ "EHOSTUNREACH", FAILED_OFFLINE }, { "ENETDOWN", FAILED_OFFLINE }, { "ERR_SOCKET_TIMEOUT", FAILED_OFFLINE },
	{ "EIDLETIMEOUT", FAILED_OFFLINE }, { "ERESPONSETIMEOUT", FAILED_OFFLINE }, { "ECONNECTIONTIMEOUT", FAILED_OFFLINE },
	{ "ENOTCACHED", FAILED_OFFLINE }, { "ERR_STREAM_PREMATURE_CLOSE", FAILED_OFFLINE },
	{ "SELF_SIGNED", FAILED_TLS }, { "UNABLE_TO", FAILED_TLS }, { "DEPTH_ZERO", FAILED_TLS }, { "CERT_", FAILED_TLS },
	{ "ERR_TLS", FAILED_TLS }, { "ERR_SSL", FAILED_TLS }, { "EPROTO", FAILED_TLS },
	{ "EBADENGINE", FAILED_VERSION }, { "ENOTSUP", FAILED_VERSION }, { "EBADPLATFORM", FAILED_PLATFORM },
	{ "ERESOLVE", FAILED_CONFLICT },
	{ "ELIFECYCLE", FAILED_SCRIPT },
	{ "TAR_", FAILED_ARCHIVE }, { "Z_", FAILED_ARCHIVE }, { "ENOENTRY", FAILED_ARCHIVE }, { "EJSONPARSE", FAILED_ARCHIVE },
	{ "E5", FAILED_REGISTRY }, { "E4", FAILED_REGISTRY }, { "EINVALIDPACKAGENAME", FAILED_NO_PACKAGE },
	{ "FETCH_ERROR", FAILED_REGISTRY }, { "ERR_INVALID_URL", FAILED_REGISTRY }, { "EUNSUPPORTEDPROTOCOL", FAILED_REGISTRY },
};

/* The last "npm error code X". */
static enum harvest_failure npm_failure(struct span text)
{
	static const char *const marks[] = { "npm error code ", "npm ERR! code " };
	const char *last = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		for (const char *at = text.p; (at = memmem(at, text.n - (size_t)(at - text.p), marks[i], strlen(marks[i])));) {
			at += strlen(marks[i]);
			last = at;
		}
	if (!last)
		return FAILED_UNKNOWN;
	size_t left = text.n - (size_t)(last - text.p);
	for (size_t i = 0; i < ARRAY_SIZE(npm_codes); i++) {
		size_t n = strlen(npm_codes[i].code);
		if (n <= left && memcmp(last, npm_codes[i].code, n) == 0)
			return npm_codes[i].failure;
	}
	/* The exit status of a script. */
	return left > 0 && *last >= '0' && *last <= '9' ? FAILED_SCRIPT : FAILED_UNKNOWN;
}

/* ---- pip and uv: sentences; the first that is found decides ---- */

static const struct {
	const char *sentence;
	enum harvest_failure failure;
} sentences[] = {
	{ "No space left on device", FAILED_DISK },
	{ "Disk quota exceeded", FAILED_DISK },
	{ "DO NOT MATCH THE HASHES", FAILED_INTEGRITY },
	{ "Hash mismatch for", FAILED_INTEGRITY },
	{ "hash mismatch", FAILED_INTEGRITY },
	{ "CERTIFICATE_VERIFY_FAILED", FAILED_TLS },
	{ "SSLError", FAILED_TLS },
	{ "invalid peer certificate", FAILED_TLS },
	{ "401 Client Error", FAILED_DENIED },
	{ "403 Client Error", FAILED_DENIED },
	{ "401 Unauthorized", FAILED_DENIED },
	{ "403 Forbidden", FAILED_DENIED },
	{ "Temporary failure in name resolution", FAILED_OFFLINE },
	{ "Name or service not known", FAILED_OFFLINE },
	{ "NewConnectionError", FAILED_OFFLINE },
	{ "ConnectTimeoutError", FAILED_OFFLINE },
	{ "ReadTimeoutError", FAILED_OFFLINE },
	{ "RemoteDisconnected", FAILED_OFFLINE },
	{ "IncompleteRead", FAILED_OFFLINE },
	{ "dns error", FAILED_OFFLINE },
	{ "tcp connect error", FAILED_OFFLINE },
	{ "Connection refused", FAILED_OFFLINE },
	{ "Connection reset", FAILED_OFFLINE },
	{ "Network is unreachable", FAILED_OFFLINE },
	{ "operation timed out", FAILED_OFFLINE },
	{ "error decoding response body", FAILED_OFFLINE },
	{ "Server Error", FAILED_REGISTRY },
	{ "HTTP status server error", FAILED_REGISTRY },
	{ "require a different python version", FAILED_VERSION },
	{ "requires a different Python", FAILED_VERSION },
	{ "does not satisfy Python", FAILED_VERSION },
	{ "building from source is disabled", FAILED_BUILD },
	{ "no usable wheels", FAILED_BUILD },
	{ "no wheels are usable", FAILED_BUILD },
	{ "has no wheels with a matching", FAILED_PLATFORM },
	{ "is not a supported wheel on this platform", FAILED_PLATFORM },
	{ "ResolutionImpossible", FAILED_CONFLICT },
	{ "(from versions: none)", FAILED_NO_PACKAGE },
	{ "was not found in the package registry", FAILED_NO_PACKAGE },
	{ "was not found in the provided package locations", FAILED_NO_PACKAGE },
	{ "404 Client Error", FAILED_NO_PACKAGE },
	{ "404 Not Found", FAILED_NO_PACKAGE },
	{ "(from versions:", FAILED_NO_VERSION },
	{ "there is no version of", FAILED_NO_VERSION },
	{ "there are no versions of", FAILED_NO_VERSION },
	{ "No matching distribution found", FAILED_NO_PACKAGE },
	{ "subprocess-exited-with-error", FAILED_SCRIPT },
	{ "Failed building wheel", FAILED_SCRIPT },
	{ "Failed to build", FAILED_SCRIPT },
	{ "BadZipFile", FAILED_ARCHIVE },
	{ "has an invalid wheel", FAILED_ARCHIVE },
	{ "Invalid wheel", FAILED_ARCHIVE },
	{ "which is outside the target directory", FAILED_ARCHIVE },
	{ "outside of the", FAILED_ARCHIVE },
	{ "Failed to extract archive", FAILED_ARCHIVE },
	{ "Failed to read metadata", FAILED_ARCHIVE },
	{ "No solution found", FAILED_CONFLICT },
};

static enum harvest_failure python_failure(struct span text, const char **at)
{
	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
		*at = find(text, sentences[i].sentence);
		if (*at)
			return sentences[i].failure;
	}
	return FAILED_UNKNOWN;
}

/* ---- what it was about ---- */

/* What is named in LINE between FROM and the first of the characters UNTIL. */
static bool subject(char *to, size_t size, const char *line, const char *from, const char *until)
{
	const char *at = strstr(line, from);

	if (!at)
		return false;
	at += strlen(from);
	size_t n = strcspn(at, until);
	if (n == 0 || n >= size)
		return false;
	memcpy(to, at, n);
	to[n] = '\0';
	return true;
}

static const struct {
	const char *mark;  /* a line that has this */
	const char *from;  /* names it behind this */
	const char *until;
} subjects[] = {
	{ "npm error 404  '", "404  '", "'" },
	{ "npm ERR! 404  '", "404  '", "'" },
	{ "404  The requested resource '", "resource '", "'" },
	{ "No matching version found for ", "No matching version found for ", " " },
	{ "tarball data for ", "tarball data for ", " " },
	{ "npm error path ", "npm error path ", " " },
	{ "satisfies the requirement ", "satisfies the requirement ", " " },
	{ "No matching distribution found for ", "distribution found for ", " " },
	{ "Hash mismatch for", "`", "`" },
	{ "from versions", "requirement ", " " },
	{ "    Expected sha256", "https://", " " },
	{ " was not found in the package registry", "ecause ", " " },
	{ "there is no version of ", "there is no version of ", " " },
	{ "no usable wheels and you require ", "and you require ", ", " },
};

static void name_subject(struct harvest_record *r, struct span text)
{
	char line[1024];

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		const char *at = find(text, subjects[i].mark);
		if (!at)
			continue;
		clean_line(line, sizeof line, line_around(text, at));
		if (subject(r->name, sizeof r->name, line, subjects[i].from, subjects[i].until))
			break;
	}
	/* The full stop of a sentence, and where an archive came from: "name@http://..." */
	size_t n = strlen(r->name);
	if (n > 0 && r->name[n - 1] == '.')
		r->name[n - 1] = '\0';
	char *url = strstr(r->name, "@http");
	if (url && url != r->name)
		*url = '\0';
}

/* ---- the whole ---- */

static bool worth_showing(const char *line)
{
	static const char *const dull[] = { "A complete log of this run", "debug.log", "Log files were not written", "Note that you can also install", "[notice]" };

	if (!line[0])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(dull); i++)
		if (strstr(line, dull[i]))
			return false;
	return true;
}

/* The last lines that say something, in their order. */
static int put_lines(struct span text, const struct harvest_sink *sink)
{
	struct span kept[LINES_SHOWN];
	struct harvest_record r = { .kind = HARVEST_LINE };
	size_t n = 0;

	for (size_t i = 0; i < LINES_LOOKED && text.n > 0 && n < LINES_SHOWN; i++) {
		if (text.p[text.n - 1] == '\n')
			text.n--;
		const char *before = memrchr(text.p, '\n', text.n);
		size_t from = before ? (size_t)(before + 1 - text.p) : 0;
		struct span line = { text.p + from, text.n - from };
		text.n = from;
		clean_line(r.path, sizeof r.path, line);
		if (worth_showing(without_prefix(r.path)))
			kept[n++] = line;
	}
	while (n-- > 0) {
		char line[sizeof r.path];
		clean_line(line, sizeof line, kept[n]);
		stpcpy(r.path, without_prefix(line));
		if (sink->put(sink->context, &r) < 0)
			return -1;
	}
	return 0;
}

static int put_failure(struct harvest_record *r, struct span text, const struct harvest_sink *sink)
{
	name_subject(r, text);
	if (!harvest_record_ok(r))
		*r = (struct harvest_record){ .kind = HARVEST_FAILURE, .flags = r->flags };
	return sink->put(sink->context, r) < 0 ? -1 : put_lines(text, sink);
}

int harvest_output_npm(struct span text, const struct harvest_sink *sink)
{
	struct harvest_record r = { .kind = HARVEST_FAILURE };

	if (text.n == 0)
		return sink->put(sink->context, &r);
	r.flags = npm_failure(text);
	/* A full disk comes in many disguises. */
	if (find(text, "ENOSPC") || find(text, "no space left on device"))
		r.flags = FAILED_DISK;
	return put_failure(&r, text, sink);
}

int harvest_output_python(struct span text, const struct harvest_sink *sink)
{
	struct harvest_record r = { .kind = HARVEST_FAILURE };
	char line[sizeof r.path];
	const char *at = NULL;

	if (text.n == 0)
		return sink->put(sink->context, &r);
	r.flags = python_failure(text, &at);
	if (at) {
		clean_line(line, sizeof line, line_around(text, at));
		stpcpy(r.path, without_prefix(line));
	}
	return put_failure(&r, text, sink);
}

/* ---- remarks ---- */

#define REMARKS_MAX 16

/*
 *	npm warn EBADENGINE   package: 'name@1.0.0',
 *	npm warn EBADENGINE   required: { node: '>=22' },
 */
int harvest_remarks_npm(struct span text, const struct harvest_sink *sink)
{
	struct harvest_record r = { .kind = HARVEST_LINE };
	char line[1024], package[256] = "", required[256];
	size_t told = 0;

	for (const char *at = text.p, *end = text.p + text.n; text.n > 0 && at < end && told < REMARKS_MAX;) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		size_t n = next ? (size_t)(next - at) : (size_t)(end - at);
		clean_line(line, sizeof line, (struct span){ at, n });
		at += n + 1;
		if (!strstr(line, " EBADENGINE "))
			continue;
		(void)subject(package, sizeof package, line, "package: '", "'");
		if (!subject(required, sizeof required, line, "required: {", "}") || !package[0])
			continue;
		int written = snprintf(r.path, sizeof r.path, "%s wants%s", package, required);
		package[0] = '\0';
		if (written < 0 || (size_t)written >= sizeof r.path)
			continue;
		if (sink->put(sink->context, &r) < 0)
			return -1;
		told++;
	}
	return 0;
}
