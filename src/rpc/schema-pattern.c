/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patterns, matched by PCRE2 without its just-in-time compiler, which needs executable memory.
 *
 * How long a match takes is the pattern's author's to choose, so it is counted. PCRE2 counts backtracking for
 * each place where it starts to match, but neither the starts nor what a simple loop runs over. So each pattern
 * begins with a callout: at every start the rest of the text is charged for, times what the limit for one start
 * allows. That limit begins low; where it is reached the match goes on from that start with a larger one, until
 * the work is used up.
 */
#include "rpc/schema-check.h"

#include "rpc/schema-regex.h"

#define CODES_MAX ((size_t)1 << 20) /* bytes of one schema's compiled patterns */
#define HEAP_MAX_KIB 8192
#define FIRST_LIMIT 64

/* PCRE2's own idea of what it compiled to, for a schema that is otherwise constant. */
static bool compile_pattern(struct schema *s, struct pattern *p)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	int error;
	PCRE2_SIZE at;
	size_t where, size = 0;

	p->failed = true;
	buf_puts(&text, "(?C1)(?:");
	if (!context || regex_translate(schema_text(s, p->text, p->text_n), &text, &where) || buf_putc(&text, ')') < 0 ||
	    text.full) {
		pcre2_compile_context_free(context);
		return false;
	}
	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
	p->code = pcre2_compile((PCRE2_SPTR)text.p, text.n,
				PCRE2_UTF | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &error,
				&at, context);
	pcre2_compile_context_free(context);
	if (!p->code)
		return false;
	pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &size);
	s->codes_size += size;
	p->failed = false;
	return true;
}

static int at_start(pcre2_callout_block *block, void *data)
{
	struct check *c = data;
	uint64_t rest = c->match_length - block->start_match;

	c->match_start = block->start_match;
	return work(&c->work, 4 + c->match_limit / 8 + rest * c->match_limit / 512) ? 0 : PCRE2_ERROR_CALLOUT;
}

static bool prepare(struct check *c)
{
	if (c->match_context)
		return true;
	c->match_data = pcre2_match_data_create(1, NULL);
	c->match_context = pcre2_match_context_create(NULL);
	if (!c->match_data || !c->match_context)
		return false;
	pcre2_set_heap_limit(c->match_context, HEAP_MAX_KIB);
	pcre2_set_callout(c->match_context, at_start, c);
	return true;
}

int check_pattern(struct check *c, uint32_t number, struct span text)
{
	struct pattern *p = &c->s->patterns.v[number];

	if (!p->code && !p->failed) {
		if (!work(&c->work, 16 + (uint64_t)p->text_n * 4))
			return LIMIT;
		if (c->s->codes_size > CODES_MAX)
			return check_limit(c, "the patterns of its schema take too much memory");
		/* The one thing in a schema that is made at its first use. */
		compile_pattern((struct schema *)(uintptr_t)c->s, p);
	}
	if (!p->code)
		return check_limit(c, "a pattern of its schema is beyond what can be matched");
	if (!prepare(c))
		return check_limit(c, NULL);
	c->match_length = text.n;
	c->match_start = 0;
	for (c->match_limit = FIRST_LIMIT;; c->match_limit *= 16) {
		uint32_t limit = c->match_limit > 100000000 ? 100000000 : (uint32_t)c->match_limit;
		/* Looking for a place to start, and whether it is UTF-8. */
		if (!work(&c->work, text.n / 32))
			return LIMIT;
		pcre2_set_match_limit(c->match_context, limit);
		int n = pcre2_match(p->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, c->match_start, 0, c->match_data,
				    c->match_context);
		if (n >= 0)
			return VALID;
		if (n == PCRE2_ERROR_NOMATCH)
			return INVALID;
		if (n != PCRE2_ERROR_MATCHLIMIT)
			return check_limit(c, n == PCRE2_ERROR_CALLOUT || n == PCRE2_ERROR_HEAPLIMIT
						      ? "a pattern of its schema takes too long to match"
						      : NULL);
	}
}

void check_pattern_free(struct check *c)
{
	pcre2_match_data_free(c->match_data);
	pcre2_match_context_free(c->match_context);
}
