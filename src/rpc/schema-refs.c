/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What references point at: a URI reference is resolved against its resource's base; the rest of it names a
 * resource of this document or a metaschema, its fragment a place by JSON Pointer (RFC 6901) or an anchor. A
 * place that no keyword makes a schema is compiled when something points at it. JSON Schema 2020-12 Core,
 * sections 8.2 and 9.
 */
#include "rpc/schema-compile.h"

#include "rpc/schema-uri.h"
#include "rpc/text.h"

static bool leaves(struct compile *c, uint32_t document, uint32_t node, struct span uri)
{
	CLEANUP_BUF struct buf clean = BUF_INIT(0);

	text_clean(&clean, (struct span){ uri.p, uri.n > 150 ? 150 : uri.n });
	const char *text = buf_str(&clean);
	return compile_wrong(c, document, node, "refers to %s, which is not in this schema, and nothing is fetched",
			     text ? text : "");
}

/* The resource with this URI, a metaschema being loaded for it. SUB_NONE: there is none. */
static uint32_t find_resource(struct compile *c, struct span uri)
{
	uint32_t number = compile_known(c, 'R', 0, uri);

	if (number != VALUE_NONE)
		return number;
	struct span text = schema_meta(uri);
	if (text.n == 0 || c->s->documents.n > 32)
		return SUB_NONE;
	if (compile_document(c, text, false, 0) == SUB_NONE)
		return SUB_NONE;
	return compile_known(c, 'R', 0, uri);
}

static uint32_t member(struct compile *c, const struct tree *t, uint32_t object, struct span key)
{
	uint64_t looked = 0;
	uint32_t found = TREE_NONE;

	for (uint32_t k = tree_first(t, object); k < t->v[object].next && found == TREE_NONE; k = t->v[k + 1].next) {
		if (span_eq(tree_string_span(t, k, &c->scratch), key))
			found = k + 1;
		looked++;
	}
	return compile_work(c, 1 + looked / 2) ? found : TREE_NONE;
}

/* One step of a pointer. TREE_NONE: it leads nowhere. */
static uint32_t step(struct compile *c, const struct tree *t, uint32_t node, struct span token, struct buf *scratch)
{
	buf_clear(scratch);
	for (size_t i = 0; i < token.n; i++) {
		bool escape = token.p[i] == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1');
		buf_putc(scratch, escape ? token.p[i + 1] == '0' ? '~' : '/' : token.p[i]);
		i += escape;
	}
	if (t->v[node].type == TREE_OBJECT)
		return member(c, t, node, buf_span(scratch));
	if (t->v[node].type != TREE_ARRAY || scratch->n == 0 || scratch->n > 9 || (scratch->n > 1 && scratch->p[0] == '0'))
		return TREE_NONE;
	uint32_t at = 0;
	for (size_t i = 0; i < scratch->n; i++) {
		if (scratch->p[i] < '0' || scratch->p[i] > '9')
			return TREE_NONE;
		at = at * 10 + (uint32_t)(scratch->p[i] - '0');
	}
	return compile_work(c, 1 + at / 4) ? tree_item(t, node, at) : TREE_NONE;
}

/* Follow POINTER from RESOURCE's root to a sub. *MISSING: nothing is there. */
static uint32_t follow(struct compile *c, uint32_t resource, struct span pointer, bool *missing)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	uint32_t document = c->resources.v[resource].document, node = c->resources.v[resource].node;
	const struct tree *t = compile_tree(c, document);
	struct place place = { .document = document, .resource = resource };
	uint32_t inner = c->maps.v[document][node] - 1;

	while (pointer.n > 0 && node != TREE_NONE) {
		size_t n = 1;
		while (n < pointer.n && pointer.p[n] != '/')
			n++;
		node = step(c, t, node, (struct span){ pointer.p + 1, n - 1 }, &scratch);
		pointer.p += n;
		pointer.n -= n;
		if (node != TREE_NONE && c->maps.v[document][node])
			inner = c->maps.v[document][node] - 1;
	}
	*missing = node == TREE_NONE;
	if (*missing)
		return SUB_NONE;
	place.resource = c->s->subs.v[inner].resource;
	place.dialect = c->s->subs.v[inner].dialect;
	c->late = true;
	uint32_t sub = compile_sub(c, node, &place);
	c->late = false;
	return sub;
}

/* The sub that NODE refers to. *NAME: the $dynamicAnchor by which it was found. SUB_NONE: none, or an error. */
static uint32_t find_target(struct compile *c, uint32_t document, uint32_t node, uint32_t resource, uint32_t *name)
{
	const struct tree *t = compile_tree(c, document);
	CLEANUP_BUF struct buf text = BUF_INIT(0), uri = BUF_INIT(0), fragment = BUF_INIT(0);
	const struct resource *base = &c->resources.v[resource];
	struct uri u;

	tree_string(t, node, &text);
	uri_split(buf_span(&text), &u);
	uri_resolve((struct span){ c->names.p + base->uri, base->uri_n }, &u, &uri);
	bool decoded = uri_decode(u.fragment, &fragment);
	if (text.full || uri.full || fragment.full) {
		compile_no_memory(c);
		return SUB_NONE;
	}
	if (!compile_work(c, 2 + (text.n + uri.n) / 8))
		return SUB_NONE;
	/* What has the same base as this resource is this resource: it may have no name of its own. */
	uint32_t target = resource;
	if (!span_eq(buf_span(&uri), (struct span){ c->names.p + base->uri, base->uri_n }))
		target = find_resource(c, buf_span(&uri));
	if (target == SUB_NONE) {
		if (!c->err->what[0])
			leaves(c, document, node, buf_span(&uri));
		return SUB_NONE;
	}
	if (!decoded) {
		compile_wrong(c, document, node, "a %% is not followed by two hexadecimal digits");
		return SUB_NONE;
	}
	bool missing = false;
	uint32_t sub = SUB_NONE;
	if (fragment.n == 0 || fragment.p[0] == '/') {
		sub = follow(c, target, buf_span(&fragment), &missing);
	} else {
		uint32_t anchor = compile_known(c, 'A', target, buf_span(&fragment));
		missing = anchor == VALUE_NONE;
		if (!missing) {
			sub = c->anchors.v[anchor].sub;
			*name = c->anchors.v[anchor].dynamic ? c->anchors.v[anchor].name : SUB_NONE;
		}
	}
	if (missing && !c->work.out)
		compile_wrong(c, document, node, "refers to a place that is not there");
	return sub;
}

/* The same, for a $ref: most are there many times. */
static uint32_t find_again(struct compile *c, uint32_t document, uint32_t node, uint32_t resource)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	struct span text = tree_string_span(compile_tree(c, document), node, &scratch);
	uint32_t name, sub = scratch.full ? VALUE_NONE : compile_known(c, 'U', resource, text);

	if (sub == VALUE_NONE) {
		sub = find_target(c, document, node, resource, &name);
		if (sub != SUB_NONE && !scratch.full)
			compile_learn(c, 'U', resource, text, sub);
	}
	return sub;
}

bool compile_references(struct compile *c)
{
	/* More may be added on the way. */
	for (uint32_t i = 0; i < c->pending.n; i++) {
		struct pending p = c->pending.v[i];
		struct sub from = c->s->subs.v[p.sub];
		uint32_t name = SUB_NONE;
		uint32_t to = p.id == KEY_REF ? find_again(c, from.document, p.node, from.resource)
					      : find_target(c, from.document, p.node, from.resource, &name);
		if (to == SUB_NONE)
			return c->err->what[0] ? false : compile_work(c, UINT64_MAX);
		for (uint32_t k = from.keywords; k < from.keywords + from.keywords_n; k++) {
			struct keyword *keyword = &c->s->keywords.v[k];
			if (keyword->id == p.id) {
				keyword->sub = to;
				keyword->name = p.id == KEY_DYNAMIC_REF ? name : SUB_NONE;
			}
		}
	}
	return true;
}
