/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiles a list of system calls (profiles/seccomp/NAME.rules) into a header with a BPF program, while the program is
 * built: starting a cage then costs one seccomp(2), and what runs is what the tests in tests/filter have seen.
 *
 *	seccomp-compile --arch=ARCH --name=IDENTIFIER [--with=FEATURE]... FILE.rules >header
 *	seccomp-compile --arch=ARCH --calls=IDENTIFIER >header        (the table of names, for the tests)
 *
 * Names and numbers of calls come from libseccomp, for any architecture on any machine. The program text is made here:
 * libseccomp's rules cannot say "otherwise" per call ("these requests of ioctl, ENOTTY for any other"), know one default
 * errno only, and make a chain per call where a search over ranges of numbers does.
 *
 * The language, a statement a line; '#' starts a comment, '\' at the end continues the line:
 *
 *	include FILE                      another file, beside this one
 *	define NAME VALUE                 a constant; VALUE is a number or names, joined by '|'
 *	number NAME N                     a call that libseccomp is too old to know
 *	if X, if not X, else, endif       X: x86_64, aarch64, or a feature (--with)
 *	default ACTION                    for every number that no line names
 *	complete                          no call that libseccomp knows may be left to the default
 *	ACTION CALL...                    allow, kill, or errno NAME
 *	call CALL...                      a block of clauses, tried in their order, up to `end`:
 *	    ACTION if COND [and COND]...
 *	    else ACTION                   required, last
 *	end
 *
 * COND is argN:32 or argN:64, then optionally "& MASK", then one of == VALUE, != VALUE, in VALUE...  The width is always
 * written: the kernel looks at 32 bits only where a parameter is an int, and what a filter compares must be what the kernel
 * looks at. A name that the architecture does not have, a name decided twice and a condition that cannot hold are errors.
 *
 * seccomp-code.c makes the program. See seccomp(2) and Documentation/userspace-api/seccomp_filter.rst. Both run on the machine
 * that builds; nothing of them is installed.
 */
#include "seccomp-compile.h"

#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 192, DEPTH_MAX = 8 };

struct constant {
	char *name;
	uint64_t value;
};

static struct {
	const char *arch_name;
	uint32_t arch;       /* libseccomp's token, which is AUDIT_ARCH_* */
	const char *features[16];
	size_t features_n;
	struct constant *constants;
	size_t constants_n;
	struct constant *numbers;
	size_t numbers_n;
	struct decision decision[NR_MAX];
	uint32_t default_action;
	bool have_default, complete;
} g;

struct source {
	const char *path;
	int line;
	struct body *body; /* the open call block */
	bool skip[DEPTH_MAX], was_else[DEPTH_MAX];
	size_t depth;
};

/* ---- errors and memory ---- */

void die(const struct source *s, const char *format, ...)
{
	va_list ap;

	if (s)
		fprintf(stderr, "%s:%d: ", s->path, s->line);
	else
		fputs("seccomp-compile: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p)
		die(NULL, "out of memory");
	return p;
}

static char *copy(const char *text)
{
	return strcpy(grow(NULL, strlen(text) + 1, 1), text);
}

/* ---- names ---- */

static const struct constant *lookup(const struct constant *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static void add_constant(struct constant **list, size_t *n, const char *name, uint64_t value)
{
	*list = grow(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = (struct constant){ copy(name), value };
}

static uint64_t value_of(const struct source *s, const char *word)
{
	char text[512], *save = NULL;
	uint64_t value = 0;

	if (snprintf(text, sizeof(text), "%s", word) >= (int)sizeof(text))
		die(s, "value too long");
	for (char *part = strtok_r(text, "|", &save); part; part = strtok_r(NULL, "|", &save)) {
		if (isdigit((unsigned char)part[0])) {
			char *end;
			errno = 0;
			value |= strtoull(part, &end, 0);
			if (errno || *end)
				die(s, "'%s' is not a number", part);
		} else {
			const struct constant *c = lookup(g.constants, g.constants_n, part);
			if (!c)
				die(s, "'%s' is not defined", part);
			value |= c->value;
		}
	}
	return value;
}

/* The number of call NAME on this architecture; there is no such call: an error. */
static int number_of(const struct source *s, const char *name)
{
	const struct constant *c = lookup(g.numbers, g.numbers_n, name);
	int nr = seccomp_syscall_resolve_name_arch(g.arch, name);

	if (c && nr >= 0 && (uint64_t)nr != c->value)
		die(s, "%s is %d on %s, not %d", name, nr, g.arch_name, (int)c->value);
	if (c)
		nr = (int)c->value;
	if (nr == __NR_SCMP_ERROR)
		die(s, "no system call is named '%s'", name);
	if (nr < 0)
		die(s, "%s has no system call '%s'", g.arch_name, name);
	if (nr >= NR_MAX)
		die(s, "%s: number %d is too high", name, nr);
	return nr;
}

/* ---- the language ---- */

static size_t split(const struct source *s, char *line, char *word[WORD_MAX])
{
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == WORD_MAX)
			die(s, "too many words");
		word[n++] = w;
	}
	return n;
}

/* The action at WORD[*AT], which is moved past it. */
static uint32_t action_of(const struct source *s, char **word, size_t n, size_t *at)
{
	const char *w = *at < n ? word[(*at)++] : "";

	if (strcmp(w, "allow") == 0)
		return SECCOMP_RET_ALLOW;
	if (strcmp(w, "kill") == 0)
		return SECCOMP_RET_KILL_PROCESS;
	if (strcmp(w, "errno") != 0)
		die(s, "'%s': allow, kill or errno is wanted here", w);
	if (*at == n)
		die(s, "errno needs a name");
	uint64_t value = value_of(s, word[(*at)++]);
	if (value == 0 || value > 4095)
		die(s, "not an errno: %s", word[*at - 1]);
	return SECCOMP_RET_ERRNO | (uint32_t)value;
}

static void decide(const struct source *s, int nr, const char *name, uint32_t action, const struct body *body)
{
	struct decision *d = &g.decision[nr];

	if (d->line)
		die(s, "%s was decided before, at %s:%d", name, d->file, d->line);
	*d = (struct decision){ s->line, s->path, action, body };
}

/* argN:WIDTH [& MASK] OP VALUE... at WORD[*AT]. */
static void parse_cond(const struct source *s, char **word, size_t n, size_t *at, struct cond *c)
{
	unsigned width;
	int used = 0;

	*c = (struct cond){ 0 };
	if (*at == n || sscanf(word[*at], "arg%1u:%2u%n", &c->arg, &width, &used) != 2 || word[*at][used] || c->arg > 5 ||
	    (width != 32 && width != 64))
		die(s, "a condition starts with argN:32 or argN:64");
	c->wide = width == 64;
	c->mask = c->wide ? UINT64_MAX : UINT32_MAX;
	(*at)++;
	if (*at + 1 < n && strcmp(word[*at], "&") == 0) {
		c->mask = value_of(s, word[*at + 1]);
		*at += 2;
	}
	const char *op = *at < n ? word[(*at)++] : "";
	if (strcmp(op, "!=") == 0)
		c->op = OP_NOT;
	else if (strcmp(op, "==") != 0 && strcmp(op, "in") != 0)
		die(s, "'%s': ==, != or in is wanted here", op);
	while (*at < n && strcmp(word[*at], "and") != 0) {
		if (c->value_n == VALUE_MAX)
			die(s, "too many values");
		uint64_t v = value_of(s, word[(*at)++]);
		if (v & ~c->mask)
			die(s, "%s: the value has bits that are not compared", word[*at - 1]);
		c->value[c->value_n++] = v;
	}
	if (c->value_n == 0)
		die(s, "a value is missing");
	if (c->value_n > 1 && (strcmp(op, "in") != 0 || c->wide))
		die(s, "only argN:32 in takes several values");
	if (!c->wide && c->mask > UINT32_MAX)
		die(s, "the mask is wider than 32 bits");
}

static void parse_clause(struct source *s, char **word, size_t n)
{
	struct body *b = s->body;
	size_t at = 0;

	if (b->clause_n == CLAUSE_MAX)
		die(s, "too many clauses");
	if (b->clause_n && b->clause[b->clause_n - 1].cond_n == 0)
		die(s, "nothing can follow else");
	struct clause *c = &b->clause[b->clause_n++];
	if (strcmp(word[0], "else") == 0) {
		at = 1;
		c->action = action_of(s, word, n, &at);
		if (at != n)
			die(s, "'%s': nothing can follow here", word[at]);
		return;
	}
	c->action = action_of(s, word, n, &at);
	if (at == n || strcmp(word[at], "if") != 0)
		die(s, "if is wanted after the action");
	do {
		at++;
		if (c->cond_n == COND_MAX)
			die(s, "too many conditions");
		parse_cond(s, word, n, &at, &c->cond[c->cond_n++]);
	} while (at < n);
}

static bool feature(const char *name)
{
	if (strcmp(name, g.arch_name) == 0)
		return true;
	for (size_t i = 0; i < g.features_n; i++)
		if (strcmp(name, g.features[i]) == 0)
			return true;
	return false;
}

/* if, else, endif. Returns whether the line was one of them. `else` inside a call block is a clause. */
static bool parse_conditional(struct source *s, char **word, size_t n)
{
	if (strcmp(word[0], "if") == 0) {
		bool negated = n == 3 && strcmp(word[1], "not") == 0;
		if (s->depth == DEPTH_MAX || (n != 2 && !negated))
			die(s, "if takes a feature, or not and a feature");
		bool outer = s->depth && s->skip[s->depth - 1];
		s->was_else[s->depth] = false;
		s->skip[s->depth++] = outer || feature(word[n - 1]) == negated;
		return true;
	}
	if (strcmp(word[0], "else") == 0 && n == 1) {
		if (!s->depth || s->was_else[s->depth - 1])
			die(s, "else without if");
		bool outer = s->depth > 1 && s->skip[s->depth - 2];
		s->was_else[s->depth - 1] = true;
		s->skip[s->depth - 1] = outer || !s->skip[s->depth - 1];
		return true;
	}
	if (strcmp(word[0], "endif") == 0) {
		if (!s->depth || n != 1)
			die(s, "endif without if");
		s->depth--;
		return true;
	}
	return false;
}

static void parse_file(const char *path);

static void parse_include(const struct source *s, const char *name)
{
	const char *slash = strrchr(s->path, '/');
	int dir = slash ? (int)(slash - s->path) + 1 : 0;
	char path[4096];

	if (snprintf(path, sizeof(path), "%.*s%s", dir, s->path, name) >= (int)sizeof(path))
		die(s, "path too long");
	parse_file(copy(path));
}

static void open_block(struct source *s, char **word, size_t n)
{
	if (n < 2)
		die(s, "call needs a name");
	s->body = grow(NULL, 1, sizeof(*s->body));
	memset(s->body, 0, sizeof(*s->body));
	for (size_t i = 1; i < n; i++)
		decide(s, number_of(s, word[i]), word[i], 0, s->body);
}

static void parse_statement(struct source *s, char **word, size_t n)
{
	size_t at = 0;

	if (strcmp(word[0], "include") == 0 && n == 2) {
		parse_include(s, word[1]);
	} else if (strcmp(word[0], "define") == 0 && n == 3) {
		if (lookup(g.constants, g.constants_n, word[1]) || isdigit((unsigned char)word[1][0]))
			die(s, "%s is defined already, or no name", word[1]);
		add_constant(&g.constants, &g.constants_n, word[1], value_of(s, word[2]));
	} else if (strcmp(word[0], "number") == 0 && n == 3) {
		if (lookup(g.numbers, g.numbers_n, word[1]))
			die(s, "%s has a number already", word[1]);
		add_constant(&g.numbers, &g.numbers_n, word[1], value_of(s, word[2]));
		number_of(s, word[1]);
	} else if (strcmp(word[0], "default") == 0) {
		if (g.have_default)
			die(s, "a second default");
		at = 1;
		g.default_action = action_of(s, word, n, &at);
		g.have_default = true;
		if (at != n)
			die(s, "'%s': nothing can follow here", word[at]);
	} else if (strcmp(word[0], "complete") == 0 && n == 1) {
		g.complete = true;
	} else if (strcmp(word[0], "call") == 0) {
		open_block(s, word, n);
	} else {
		uint32_t action = action_of(s, word, n, &at);
		if (at == n)
			die(s, "a name is missing");
		for (; at < n; at++)
			decide(s, number_of(s, word[at]), word[at], action, NULL);
	}
}

static void parse_line(struct source *s, char *line)
{
	char *word[WORD_MAX];
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	size_t n = split(s, line, word);
	if (n == 0 || parse_conditional(s, word, n) || (s->depth && s->skip[s->depth - 1]))
		return;
	if (!s->body) {
		parse_statement(s, word, n);
	} else if (strcmp(word[0], "end") == 0 && n == 1) {
		if (!s->body->clause_n || s->body->clause[s->body->clause_n - 1].cond_n)
			die(s, "a call block ends with else");
		s->body = NULL;
	} else {
		parse_clause(s, word, n);
	}
}

static void parse_file(const char *path)
{
	static int nesting;
	struct source s = { .path = path };
	char line[8192];
	size_t used = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		die(NULL, "cannot open %s: %s", path, strerror(errno));
	if (++nesting > DEPTH_MAX)
		die(NULL, "%s: included too deeply", path);
	while (fgets(line + used, (int)(sizeof(line) - used), f)) {
		s.line++;
		used += strlen(line + used);
		if (used && line[used - 1] == '\n')
			used--;
		else if (!feof(f))
			die(&s, "line too long");
		if (used && line[used - 1] == '\\') {
			line[used - 1] = ' ';
			continue;
		}
		line[used] = '\0';
		used = 0;
		parse_line(&s, line);
	}
	if (ferror(f) || used)
		die(&s, "cannot read on, or the last line is continued");
	fclose(f);
	if (s.depth || s.body)
		die(&s, "end of file inside %s", s.body ? "a call block" : "if");
	nesting--;
}

static void check_complete(const char *path)
{
	bool missing = false;

	for (int nr = 0; g.complete && nr < NR_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(g.arch, nr);
		if (name && !g.decision[nr].line) {
			fprintf(stderr, "%s: %s (%d on %s) is not decided\n", path, name, nr, g.arch_name);
			missing = true;
		}
		free(name);
	}
	if (missing)
		exit(1);
	if (!g.have_default)
		die(NULL, "%s: no default", path);
}

/* ---- output ---- */

static void print_program(const char *identifier, const char *path)
{
	static struct prog p;
	const char *slash = strrchr(path, '/');

	emit_program(&p, g.arch, g.decision, g.default_action);
	printf("/* Made from %s for %s by seccomp-compile while building. */\n", slash ? slash + 1 : path, g.arch_name);
	printf("static const struct sock_filter %s[] = {\n", identifier);
	for (size_t i = 0; i < p.n; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", p.v[i].code, p.v[i].jt, p.v[i].jf, p.v[i].k);
	puts("};");
}

static void print_calls(const char *identifier)
{
	printf("/* The system calls of %s, made by seccomp-compile while building. */\n", g.arch_name);
	printf("static const struct call_name %s[] = {\n", identifier);
	for (int nr = 0; nr < NR_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(g.arch, nr);
		if (name)
			printf("\t{ \"%s\", %d },\n", name, nr);
		free(name);
	}
	puts("};");
}

int main(int argc, char *argv[])
{
	const char *name = NULL, *calls = NULL, *path = NULL;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--arch=", 7) == 0)
			g.arch_name = argv[i] + 7;
		else if (strncmp(argv[i], "--name=", 7) == 0)
			name = argv[i] + 7;
		else if (strncmp(argv[i], "--calls=", 8) == 0)
			calls = argv[i] + 8;
		else if (strncmp(argv[i], "--with=", 7) == 0 && g.features_n < sizeof(g.features) / sizeof(g.features[0]))
			g.features[g.features_n++] = argv[i] + 7;
		else if (argv[i][0] != '-' && !path)
			path = argv[i];
		else
			die(NULL, "unexpected argument '%s'", argv[i]);
	}
	if (!g.arch_name || !(calls || (name && path)))
		die(NULL, "usage: seccomp-compile --arch=ARCH --name=IDENTIFIER [--with=FEATURE]... FILE.rules");
	if (strcmp(g.arch_name, "x86_64") == 0)
		g.arch = SCMP_ARCH_X86_64;
	else if (strcmp(g.arch_name, "aarch64") == 0)
		g.arch = SCMP_ARCH_AARCH64;
	else
		die(NULL, "no such architecture: %s", g.arch_name);

	if (calls) {
		print_calls(calls);
	} else {
		parse_file(path);
		check_complete(path);
		print_program(name, path);
	}
	if (fflush(stdout) || ferror(stdout))
		die(NULL, "cannot write: %s", strerror(errno));
	return 0;
}
