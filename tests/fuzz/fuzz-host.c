/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names, hosts and ranges of addresses: what is accepted has one spelling, which is read as the same again. */
#include "policy/host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *bytes, size_t n)
{
	char name[HOST_NAME_SIZE], again[HOST_NAME_SIZE];

	if (host_name_canonical(bytes, n, name) < 0)
		return;
	size_t length = strlen(name);
	if (length == 0 || length + 1 < n || host_name_canonical(name, length, again) < 0 || strcmp(name, again) != 0)
		abort();
	if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/\\:*[] \"'") || name[0] == '.' || strstr(name, ".."))
		abort();
}

static void check_rule(const char *text)
{
	struct host_rule rule, second;
	char spelled[HOST_TEXT_SIZE], again[HOST_TEXT_SIZE];
	struct error err;

	if (host_rule_parse(text, &rule, &err) < 0)
		return;
	host_rule_text(&rule, spelled);
	if (rule.ports_n == 0 || rule.ports_n > HOST_RANGES_MAX || host_rule_parse(spelled, &second, &err) < 0)
		abort();
	host_rule_text(&second, again);
	if (strcmp(spelled, again) != 0 || !host_rule_within(&rule, &second) || !host_rule_within(&second, &rule))
		abort();
	if (rule.kind == HOST_NAME && !host_rule_names(&rule, rule.name))
		abort();
	if (rule.kind == HOST_RANGE && !ip_range_has(&rule.range, &rule.range.address))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct ip_range range;
	struct error err;
	char spelled[IP_TEXT_SIZE];

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_name(text, size);
	check_rule(text);
	if (ip_range_parse(text, &range, &err) == 0) {
		ip_range_text(&range, spelled);
		(void)ip_address_special(&range.address);
	}
	free(text);
	return 0;
}
