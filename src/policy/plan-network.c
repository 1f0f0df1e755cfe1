/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network by name in the plan: checked while it is made, and shown by explain, --json and --dry-run. */
#include "policy/planner.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "policy/keys.h"
#include "policy/network.h"
#include "policy/show.h"
#include "policy/value.h"

#include <string.h>

int planner_network(struct planner *p)
{
	CLEANUP(network_needs_free) struct network_needs needs = { 0 };
	const struct network_names *names = &p->policy->names;
	struct plan *plan = p->plan;

	plan->network = p->policy->network;
	if (network_names_copy(&plan->names, names) < 0)
		return error_oom(p->err);
	/* What is locked is not a person's to allow. */
	if (p->policy->hosts_locked && names->unknown == UNKNOWN_ASK) {
		plan->names.unknown = UNKNOWN_DENY;
		if (planner_note(p, "network.default is ask, but the administrator has locked network.allow: nobody is asked") < 0)
			return -1;
	}
	if (plan->network == NETWORK_NONE && names->allow.n > 0 &&
	    planner_note(p, "network.allow names hosts, and network.mode is none: no host can be reached") < 0)
		return -1;
	if (plan->network != NETWORK_NAMES)
		return 0;
	if (network_needs(names, &needs, p->err) < 0)
		return -1;
	for (size_t i = 0; i < needs.rules_n; i++) {
		if (needs.rules[i].kind != HOST_BELOW || strchr(needs.rules[i].name, '.'))
			continue;
		if (planner_warn(p, "the server can reach every host whose name ends in .%s", needs.rules[i].name) < 0)
			return -1;
	}
	return 0;
}

/* ---- in words ------------------------------------------------------------------------------------ */

void show_network_words(const struct plan *plan, struct buf *out)
{
	const struct network_names *names = &plan->names;

	for (size_t i = 0; i < names->allow.n; i++) {
		buf_puts(out, "  ");
		show_text(out, names->allow.v[i]);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < names->ranges.n; i++) {
		buf_puts(out, i == 0 ? "  these names may be at private addresses: " : ", ");
		show_text(out, names->ranges.v[i]);
		if (i + 1 == names->ranges.n)
			buf_putc(out, '\n');
	}
	if (names->unknown == UNKNOWN_ASK)
		buf_puts(out, "  other names: you are asked\n");
	else if (names->allow.n == 0)
		buf_puts(out, "  no host yet; hosts can be granted while it runs (grants.hosts)\n");
	buf_puts(out, "  nothing else, not even this machine's own services\n");
	if (names->sni == SNI_OFF)
		buf_puts(out, "  TLS for another name at the same address IS NOT NOTICED (network.sni)\n");
	else if (names->ech == ECH_ALLOW)
		buf_puts(out, "  TLS may hide the name it is for (network.ech)\n");
}

/* ---- as JSON and flat ---------------------------------------------------------------------------- */

static const enum key_id words[] = { KEY_NETWORK_DEFAULT, KEY_NETWORK_SNI, KEY_NETWORK_ECH };
static const enum key_id numbers[] = {
	KEY_NETWORK_CONNECTIONS,   KEY_NETWORK_CONNECTIONS_TOTAL, KEY_NETWORK_CONNECTION_BYTES,
	KEY_NETWORK_SESSION_BYTES, KEY_NETWORK_IDLE_TIMEOUT,
};

static const void *member(const struct network_names *names, const struct policy_key *key)
{
	return (const char *)names + (key->offset - offsetof(struct policy, names));
}

static void json_list(struct buf *out, const char *key, const struct strlist *list)
{
	json_key(out, key);
	buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		json_comma(out);
		json_string(out, span_of(list->v[i]));
	}
	buf_putc(out, ']');
}

void show_network_json(const struct plan *plan, struct buf *out)
{
	const struct network_names *names = &plan->names;

	if (plan->network != NETWORK_NAMES)
		return;
	json_key(out, "names");
	buf_putc(out, '{');
	json_list(out, "allow", &names->allow);
	json_list(out, "private", &names->ranges);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct policy_key *key = &policy_keys[words[i]];
		json_member_str(out, strchr(key->path, '.') + 1, key->words[*(const unsigned *)member(names, key)]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct policy_key *key = &policy_keys[numbers[i]];
		uint64_t number = *(const uint64_t *)member(names, key);
		if (key->unlimited && number == policy_key_no_limit(key))
			json_member_str(out, strchr(key->path, '.') + 1, NULL);
		else
			json_member_u64(out, strchr(key->path, '.') + 1, number);
	}
	buf_putc(out, '}');
}

void show_network_print(const struct plan *plan, struct buf *out)
{
	const struct network_names *names = &plan->names;
	char number[32];

	if (plan->network != NETWORK_NAMES)
		return;
	for (size_t i = 0; i < names->allow.n; i++)
		buf_printf(out, "network-allow %s\n", names->allow.v[i]);
	for (size_t i = 0; i < names->ranges.n; i++)
		buf_printf(out, "network-private %s\n", names->ranges.v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct policy_key *key = &policy_keys[words[i]];
		buf_printf(out, "network-%s %s\n", strchr(key->path, '.') + 1, key->words[*(const unsigned *)member(names, key)]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct policy_key *key = &policy_keys[numbers[i]];
		value_number_text(key, *(const uint64_t *)member(names, key), number);
		buf_printf(out, "limit network.%s %s\n", strchr(key->path, '.') + 1, number);
	}
}
