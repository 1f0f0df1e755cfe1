/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scripts: which file an interpreter is told to run, and which interpreter a file asks for.
 *
 * The script has to be known because its project is granted, and because the server's own arguments start
 * behind it. Options that take their value as the next argument are listed for each interpreter; an option
 * that is not listed is taken for a switch. A wrong guess shows a path that does not exist and is told as
 * such; it never grants more than what the command line names. #! lines are read as execve(2) reads them,
 * env(1) as coreutils' does. Two kinds of generated launchers are seen through, because what they start lies
 * elsewhere: those of pip and uv for long paths, and those of pnpm and npm's cmd-shim. Called by target.c.
 */
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* What the kernel reads of a #! line (BINPRM_BUF_SIZE). */
#define SHEBANG_BYTES 256

struct interpreter {
	const char *names; /* separated by blanks; digits and dots may follow each */
	enum target_kind kind;
	const char *clusters;       /* letters of switches that may stand together; NULL: options are words */
	const char *valued_letters; /* letters that take the rest of the word, or the next one */
	const char *code_letters;   /* likewise, and there is no script */
	const char *const *valued;  /* words that take the next one */
	const char *const *code;    /* words that carry code, a module or a task: no script */
	const char *const *loads;   /* those of `valued` that name a file to load */
	const char *subcommand;     /* "run": may stand before the options */
};

static const char *const node_valued[] = {
	"-r",
	"--require",
	"--import",
	"--loader",
	"--experimental-loader",
	"-C",
	"--conditions",
	"--env-file",
	"--env-file-if-exists",
	"--input-type",
	"--icu-data-dir",
	"--openssl-config",
	"--redirect-warnings",
	"--title",
	"--inspect-port",
	"--debug-port",
	"--diagnostic-dir",
	"--report-dir",
	"--report-directory",
	"--report-filename",
	"--report-signal",
	"--heapsnapshot-signal",
	"--heapsnapshot-near-heap-limit",
	"--secure-heap",
	"--secure-heap-min",
	"--tls-cipher-list",
	"--tls-keylog",
	"--trace-event-categories",
	"--trace-event-file-pattern",
	"--trace-require-module",
	"--unhandled-rejections",
	"--use-largepages",
	"--v8-pool-size",
	"--watch-path",
	"--dns-result-order",
	"--disable-proto",
	"--disable-warning",
	"--experimental-default-type",
	"--experimental-policy",
	"--policy-integrity",
	"--localstorage-file",
	"--max-http-header-size",
	"--network-family-autoselection-attempt-timeout",
	"--cpu-prof-dir",
	"--cpu-prof-interval",
	"--cpu-prof-name",
	"--heap-prof-dir",
	"--heap-prof-interval",
	"--heap-prof-name",
	"--allow-fs-read",
	"--allow-fs-write",
	"--snapshot-blob",
	"--build-snapshot-config",
	"--stack-trace-limit",
	/* bun */
	"--preload",
	"--cwd",
	"--config",
	"--define",
	"-d",
	NULL,
};
static const char *const node_code[] = {
	"-e", "--eval", "-p", "--print", "-pe", "--run", "--test", "-", NULL,
};
static const char *const node_loads[] = {
	"-r",
	"--require",
	"--import",
	"--loader",
	"--experimental-loader",
	"--env-file",
	"--env-file-if-exists",
	"--preload",
	NULL,
};
static const char *const python_valued[] = { "--check-hash-based-pycs", NULL };
static const char *const python_code[] = { "-", NULL };
static const char *const shell_valued[] = { "--rcfile", "--init-file", NULL };
static const char *const shell_code[] = { "-", NULL };

static const struct interpreter interpreters[] = {
	{ "node nodejs bun", TARGET_NODE, NULL, NULL, NULL, node_valued, node_code, node_loads, "run" },
	{ "python pypy", TARGET_PYTHON, "bBdEhiIOPqRsStuvVx?", "WX", "cm", python_valued, python_code, NULL,
	  NULL },
	{ "sh bash dash zsh ksh mksh ash", TARGET_SCRIPT, "abefhiklmnprtuvxBCDEHPT", "oO", "cs", shell_valued,
	  shell_code, NULL, NULL },
	{ "perl", TARGET_SCRIPT, "acfnpsSTtuUvVwWX", "ICDFilmMx0", "eE", shell_valued + 2, shell_code, NULL,
	  NULL },
	{ "ruby", TARGET_SCRIPT, "acdhlnpsSUvwWxy", "CEFIirKT0", "e", shell_valued + 2, shell_code, NULL,
	  NULL },
};

static bool listed(const char *const *words, const char *word, size_t n)
{
	for (; words && *words; words++)
		if (strlen(*words) == n && memcmp(*words, word, n) == 0)
			return true;
	return false;
}

/* NAME is WORD[0..n), perhaps with a version behind it: python3.11, node20. */
static bool versioned(const char *name, const char *word, size_t n)
{
	return strncmp(name, word, n) == 0 && name[n + strspn(name + n, "0123456789.")] == '\0';
}

const struct interpreter *target_interpreter(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++) {
		for (const char *p = interpreters[i].names; *p;) {
			size_t n = strcspn(p, " ");
			if (versioned(name, p, n))
				return &interpreters[i];
			p += n + (p[n] == ' ');
		}
	}
	return NULL;
}

enum target_kind target_interpreter_kind(const struct interpreter *interpreter)
{
	return interpreter->kind;
}

/* ---- an interpreter's arguments ---- */

/*
 * WORD is a cluster of letters. 0: switches; 1: takes the next word; 2: code inside; 3: code in the next
 * word.
 */
static int cluster(const struct interpreter *in, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		if (strchr(in->code_letters, *p))
			return p[1] ? 2 : 3;
		if (strchr(in->valued_letters, *p))
			return p[1] ? 0 : 1;
		if (!strchr(in->clusters, *p))
			return 0;
	}
	return 0;
}

static int word_option(const struct interpreter *in, const char *word, const char *next,
		       struct strlist *loads)
{
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : next;

	if (listed(in->code, word, n))
		return word[n] || strcmp(word, "-") == 0 ? 2 : 3;
	if (value && listed(in->loads, word, n) && strlist_add(loads, value) < 0)
		return -1;
	return !word[n] && listed(in->valued, word, n) ? 1 : 0;
}

int target_script_place(const struct interpreter *in, const struct strlist *argv, struct script_place *place,
			struct strlist *loads, struct error *err)
{
	size_t i = 1;

	*place = (struct script_place){ .args_from = argv->n };
	if (in->subcommand && i < argv->n && strcmp(argv->v[i], in->subcommand) == 0)
		i++;
	while (i < argv->n) {
		const char *word = argv->v[i];

		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		if (word[0] != '-' && !(word[0] == '+' && in->kind == TARGET_SCRIPT))
			break;
		bool letters = in->clusters && word[1] && word[1] != '-';
		int what = letters ? cluster(in, word) : word_option(in, word, argv->v[i + 1], loads);
		if (what < 0)
			return error_oom(err);
		i += what == 0 || what == 2 ? 1 : 2;
		if (what >= 2) {
			place->args_from = i < argv->n ? i : argv->n;
			if (what == 3 && in->kind == TARGET_PYTHON && word[strlen(word) - 1] == 'm' && i <= argv->n)
				place->named = i - 1;
			return 0;
		}
	}
	if (i < argv->n) {
		place->script = place->named = i;
		place->args_from = i + 1;
	}
	return 0;
}

/* ---- #! ---- */

/* Replace argv[0] by the words of FRONT. */
static int replace_front(struct resolver *r, struct strlist *front, struct error *err)
{
	for (size_t i = 1; i < r->argv.n; i++)
		if (strlist_add(front, r->argv.v[i]) < 0)
			return error_oom(err);
	strlist_free(&r->argv);
	r->argv = *front;
	*front = (struct strlist){ 0 };
	return 0;
}

/*
 * "'''exec' INTERPRETER "$0" "$@"" in the second line: pip's and uv's launcher where a path is too long for
 * #!.
 */
static char *long_path_python(const struct resolver *r)
{
	static const char start[] = "\n'''exec' ", beside[] = "\"$(dirname -- \"$(realpath -- \"$0\")\")\"/";
	const char *p = strstr(r->head, start);

	if (!p || p != strchr(r->head, '\n'))
		return NULL;
	p += sizeof start - 1;
	bool relative = strncmp(p, beside, sizeof beside - 1) == 0;
	if (relative)
		p += sizeof beside - 1;
	const char *end = *p == '"' || *p == '\'' ? strchr(p + 1, *p) : strchr(p, ' ');
	if (!end)
		return NULL;
	if (*p == '"' || *p == '\'')
		p++;
	CLEANUP_FREE char *path = strndup(p, (size_t)(end - p));
	if (!relative || !path)
		return TAKE_PTR(path);
	CLEANUP_FREE char *dir = target_dir(r->real);
	return dir ? path_join(dir, path) : NULL;
}

/*
 * exec node  "$basedir/REST" "$@": the launchers that pnpm writes. *SCRIPT is what they start, which has to
 * lie below the launcher, or below the node_modules whose .bin it is in.
 */
static int cmd_shim(const struct resolver *r, char **script, struct error *err)
{
	static const char start[] = "exec node  \"$basedir/";
	const char *p = strstr(r->head, "basedir=$(dirname ") ? strstr(r->head, start) : NULL;

	if (!p)
		return 0;
	p += sizeof start - 1;
	CLEANUP_FREE char *dir = target_dir(r->real);
	CLEANUP_FREE char *modules = dir ? target_dir(dir) : NULL;
	CLEANUP_FREE char *named = dir ? format_text("%s/%.*s", dir, (int)strcspn(p, "\""), p) : NULL;
	*script = named ? path_normalize(named) : NULL;
	if (!*script || !modules)
		return error_oom(err);
	bool in_bin = strcmp(path_base(dir), ".bin") == 0 && strcmp(path_base(modules), "node_modules") == 0;
	if (path_within(*script, in_bin ? modules : dir))
		return 1;
	error_set(err, 0, "the launcher %s starts %s, which lies elsewhere", r->real, *script);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(err, "if you trust it, give \"node %s\" as the command", *script);
}

/* The first line, without "#!" and blanks around it. The caller frees. */
static char *shebang_line(const struct resolver *r, struct error *err)
{
	const char *p = r->head + 2;
	size_t n = strcspn(p, "\n");

	if (n + 2 >= SHEBANG_BYTES) {
		error_set(err, 0, "the first line of %s is longer than the kernel reads", r->real);
		error_kind(err, ERROR_CANNOT_RUN);
		return NULL;
	}
	if (n > 0 && p[n - 1] == '\r') {
		error_set(err, 0, "the first line of %s ends in a carriage return", r->real);
		error_kind(err, ERROR_CANNOT_RUN);
		error_hint(err, "the file has the line ends of another system: convert it, or start it as "
				"\"node FILE\" "
				"or \"python3 FILE\"");
		return NULL;
	}
	while (n > 0 && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	char *line = strndup(p, n);
	if (!line)
		error_oom(err);
	return line;
}

int target_shebang(struct resolver *r, struct error *err)
{
	CLEANUP_FREE char *line = shebang_line(r, err);
	CLEANUP_STRLIST struct strlist front = { 0 };
	CLEANUP_FREE char *python = long_path_python(r);

	if (!line)
		return -1;
	if (python) {
		if (strlist_add(&front, python) < 0 || strlist_add(&front, r->real) < 0)
			return error_oom(err);
		return replace_front(r, &front, err);
	}
	CLEANUP_FREE char *script = NULL;
	int launcher = cmd_shim(r, &script, err);
	if (launcher < 0)
		return -1;
	if (launcher > 0) {
		r->by_file = false;
		free(r->script);
		r->script = target_walk(script, NULL);
		if (!r->script) {
			error_set(err, errno, "cannot find the script %s", script);
			return error_kind(err, ERROR_NOT_FOUND);
		}
		if (strlist_add(&front, "node") < 0 || strlist_add(&front, r->script) < 0)
			return error_oom(err);
		if (target_note(r, err, "%s is a launcher: it starts %s", r->real, script) < 0)
			return -1;
		return replace_front(r, &front, err);
	}
	size_t n = strcspn(line, " \t");
	const char *argument = line + n + strspn(line + n, " \t");
	CLEANUP_FREE char *interpreter = strndup(line, n);
	if (!interpreter)
		return error_oom(err);
	if (interpreter[0] != '/') {
		error_set(err, 0, "%s asks for the interpreter \"%s\", which is no absolute path", r->real,
			  interpreter);
		return error_kind(err, ERROR_CANNOT_RUN);
	}
	if (strlist_add(&front, interpreter) < 0 || (*argument && strlist_add(&front, argument) < 0) ||
	    strlist_add(&front, r->real) < 0)
		return error_oom(err);
	if (target_note(r, err, "%s is a script for %s", r->real, line) < 0)
		return -1;
	return replace_front(r, &front, err);
}

/* ---- env(1) ---- */

/* The words of env -S: blanks and quotes; what else -S can do decides at run time and is refused. */
static int split_words(const char *text, struct strlist *words, struct error *err)
{
	const char *p = text;

	while (*p) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		char quote = *p == '"' || *p == '\'' ? *p++ : 0;
		const char stop[] = { quote ? quote : ' ', quote ? quote : '\t', '\0' };
		size_t n = strcspn(p, stop);
		CLEANUP_FREE char *word = strndup(p, n);
		if (!word || strlist_add(words, word) < 0)
			return error_oom(err);
		if (strpbrk(word, "\\$")) {
			error_set(err, 0, "\"env -S %s\" is more than mcpcage reads", text);
			return error_kind(err, ERROR_CANNOT_RUN);
		}
		p += n + (quote && p[n]);
	}
	return 0;
}

static int refuse_env(const char *word, struct error *err)
{
	if (strchr(word, '=') && word[0] != '-')
		error_set(err, 0, "the command sets the variable %.*s by env(1)", (int)strcspn(word, "="),
			  word);
	else
		error_set(err, 0, "the command uses the option %s of env(1)", word);
	error_kind(err, ERROR_CANNOT_RUN);
	return error_hint(
		err,
		"the server's environment is mcpcage's to make: use --env NAME=VALUE before the command, "
		"and name the program itself");
}

int target_strip_env(struct resolver *r, struct error *err)
{
	CLEANUP_STRLIST struct strlist words = { 0 };
	size_t i = 1;

	for (; i < r->argv.n; i++) {
		const char *word = r->argv.v[i];
		const char *split = NULL;

		if (strncmp(word, "-S", 2) == 0)
			split = word[2] || i + 1 >= r->argv.n ? word + 2 : r->argv.v[++i];
		else if (strncmp(word, "--split-string=", 15) == 0)
			split = word + 15;
		else if (strncmp(word, "-vS", 3) == 0)
			split = word + 3;
		if (split) {
			if (split_words(split, &words, err) < 0)
				return -1;
			continue;
		}
		if (strcmp(word, "--") == 0 && words.n == 0) {
			i++;
			break;
		}
		if (words.n > 0 || word[0] != '-')
			break;
		return refuse_env(word, err);
	}
	for (; i < r->argv.n; i++)
		if (strlist_add(&words, r->argv.v[i]) < 0)
			return error_oom(err);
	if (words.n == 0) {
		error_set(err, 0, "env(1) is given no command");
		return error_kind(err, ERROR_CANNOT_RUN);
	}
	if (strchr(words.v[0], '=') || words.v[0][0] == '-')
		return refuse_env(words.v[0], err);
	strlist_free(&r->argv);
	r->argv = words;
	words = (struct strlist){ 0 };
	return 0;
}
