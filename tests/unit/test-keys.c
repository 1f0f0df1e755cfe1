/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of keys is consistent, and each value is read as it is documented. */
#include "policy/keys.h"
#include "policy/value.h"

#include "tests/tap.h"

static const struct value_source source = { .home = "/home/me", .cwd = "/proj/here", .origin = "--test" };

static void table(void)
{
	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		const char *name = key->path ? key->path : key->option;
		ok(name && key->id == i, "row %zu is %s", i, name ? name : "unnamed");
		ok(key->help && strlen(key->help) <= 60 && key->help[strlen(key->help) - 1] != '.',
		   "%s: help of one line", name);
		ok(key->man && key->man[strlen(key->man) - 1] == '.', "%s: text for the manual", name);
		ok(!key->option || strncmp(key->option, "--", 2) == 0, "%s: a long option", name);
		if (key->path)
			ok(policy_key_by_path(key->path) == key, "%s: found by its path", name);
		if (key->option)
			ok(policy_key_by_option(key->option) == key, "%s: found by its option", name);
		ok(!key->argument == (!key->option || key->type == VALUE_NONE || key->type == VALUE_BOOL),
		   "%s: a placeholder exactly when there is a value", name);
		if (key->type == VALUE_ENUM || key->type == VALUE_LAYERS)
			ok(key->words && key->words[0], "%s: words", name);
		if (key->type == VALUE_SIZE || key->type == VALUE_COUNT || key->type == VALUE_PERCENT ||
		    key->type == VALUE_DURATION)
			ok(key->high > key->low && key->high < UINT64_MAX && key->fallback, "%s: range, default", name);
	}
	ok(!policy_key_by_path("files"), "a group is no key");
	ok(!policy_key_by_option("--r"), "no abbreviations");
	for (size_t i = 0; policy_keys[KEY_CONFINE_REQUIRE].words[i]; i++) {
		const char *word = policy_keys[KEY_CONFINE_REQUIRE].words[i];
		is_str(layer_name(layer_parse(word)), word, "layer %s has a bit", word);
	}
	is_int(layer_parse("landlok"), 0, "no bit for an unknown layer");
}

static void number(enum key_id id, const char *text, uint64_t want)
{
	struct value value = { 0 };
	struct error err = { 0 };

	is_int(value_parse(&policy_keys[id], text, &source, &value, &err), 0, "%s \"%s\" is read",
	       policy_keys[id].path, text);
	ok(value.number == want, "\"%s\" is %" PRIu64 " (got %" PRIu64 ")", text, want, value.number);
	value_free(&value);
}

static void no_number(enum key_id id, const char *text)
{
	struct value value = { 0 };
	struct error err = { 0 };

	is_int(value_parse(&policy_keys[id], text, &source, &value, &err), -1, "%s \"%s\" is refused",
	       policy_keys[id].path, text);
	ok(err.what[0] && err.kind == ERROR_USAGE, "and says: %s", err.what);
	value_free(&value);
}

static void numbers(void)
{
	static const char *const bad_sizes[] = {
		"", " ", "-1", "+1", " 1M", "1M ", "1.5G", "1,5G", "0x10", "M", "1k", "1MB", "1mib", "1e9", "none", "0",
		"18446744073709551616", "18446744073709551615", "99999999999999999999999999", "16777216T",
		"18014398509481984K", "9223372036854775808", "1M\n",
	};
	static const char *const bad_times[] = { "30", "0s", "5 m", "1w", "1.5h", "-1s", "s", "5M", "unlimited", "584542046y",
						 "18446744073709551615d", "367d" };

	number(KEY_LIMITS_MEMORY, "1048576", 1 << 20);
	number(KEY_LIMITS_MEMORY, "512M", 512ULL << 20);
	number(KEY_LIMITS_MEMORY, "512MiB", 512ULL << 20);
	number(KEY_LIMITS_MEMORY, "2G", 2ULL << 30);
	number(KEY_LIMITS_MEMORY, "1T", 1ULL << 40);
	number(KEY_LIMITS_MEMORY, "4096K", 4ULL << 20);
	number(KEY_LIMITS_MEMORY, "0002G", 2ULL << 30);
	number(KEY_LIMITS_MEMORY, "unlimited", 0);
	number(KEY_LIMITS_SWAP, "0", 0);
	number(KEY_LIMITS_SWAP, "unlimited", UINT64_MAX);
	for (size_t i = 0; i < sizeof bad_sizes / sizeof *bad_sizes; i++)
		no_number(KEY_LIMITS_MEMORY, bad_sizes[i]);
	number(KEY_LIMITS_CALL_TIMEOUT, "500ms", 500);
	number(KEY_LIMITS_CALL_TIMEOUT, "30s", 30000);
	number(KEY_LIMITS_CALL_TIMEOUT, "5m", 300000);
	number(KEY_LIMITS_CALL_TIMEOUT, "1h", 3600000);
	number(KEY_LIMITS_CALL_TIMEOUT, "2d", 172800000);
	number(KEY_LIMITS_CALL_TIMEOUT, "none", 0);
	for (size_t i = 0; i < sizeof bad_times / sizeof *bad_times; i++)
		no_number(KEY_LIMITS_CALL_TIMEOUT, bad_times[i]);
	number(KEY_LIMITS_CPU, "150%", 150);
	number(KEY_LIMITS_CPU, "150", 150);
	no_number(KEY_LIMITS_CPU, "0%");
	no_number(KEY_LIMITS_CPU, "1.5");
	number(KEY_LIMITS_IO, "10M", 10 << 20);
	number(KEY_LIMITS_IO, "64K", 64 << 10);
	number(KEY_LIMITS_IO, "unlimited", 0);
	no_number(KEY_LIMITS_IO, "63K");
	no_number(KEY_LIMITS_IO, "10M/s");
	number(KEY_LIMITS_OPEN_FILES, "1024", 1024);
	no_number(KEY_LIMITS_OPEN_FILES, "1023");
	no_number(KEY_LIMITS_OPEN_FILES, "1K");
	no_number(KEY_FILES_HOME_SIZE, "unlimited");
	no_number(KEY_LIMITS_MESSAGE_SIZE, "1K");
	number(KEY_NETWORK_MODE, "host", 2);
	no_number(KEY_NETWORK_MODE, "HOST");
	no_number(KEY_NETWORK_MODE, "");
}

static void written(enum key_id id, uint64_t n, const char *want)
{
	char text[32];

	value_number_text(&policy_keys[id], n, text);
	is_str(text, want, "%" PRIu64 " is written %s", n, want);
}

static void numbers_written(void)
{
	written(KEY_LIMITS_MEMORY, 2ULL << 30, "2G");
	written(KEY_LIMITS_MEMORY, (2ULL << 30) + 1, "2147483649");
	written(KEY_LIMITS_MEMORY, 0, "unlimited");
	written(KEY_LIMITS_SWAP, 0, "0");
	written(KEY_LIMITS_SWAP, UINT64_MAX, "unlimited");
	written(KEY_LIMITS_CALL_TIMEOUT, 300000, "5m");
	written(KEY_LIMITS_CALL_TIMEOUT, 1500, "1500ms");
	written(KEY_LIMITS_CALL_TIMEOUT, 0, "none");
	written(KEY_LIMITS_CPU, 150, "150%");
	written(KEY_LIMITS_IO, 10 << 20, "10M");
	written(KEY_LIMITS_IO, 0, "unlimited");
	written(KEY_LIMITS_TASKS, 64, "64");
	/* Every default reads back as itself. */
	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		struct value value = { 0 };
		char text[32];
		if (!key->fallback || key->type == VALUE_ENUM || key->type == VALUE_BOOL)
			continue;
		is_int(value_parse(key, key->fallback, &source, &value, NULL), 0, "default of %s", key->path);
		value_number_text(key, value.number, text);
		is_str(text, key->fallback, "default of %s is written as it is read", key->path);
	}
}

static void path(const char *text, const char *want_source, const char *want_dest)
{
	struct value value = { 0 };
	struct error err = { 0 };
	int rc = value_parse(&policy_keys[KEY_FILES_READ], text, &source, &value, &err);

	if (!want_source) {
		is_int(rc, -1, "\"%s\" is refused: %s", text, err.what);
		is_int(value.grants_n, 0, "and leaves nothing");
	} else if (ok(rc == 0 && value.grants_n == 1, "\"%s\" is read", text)) {
		is_str(value.grants[0].source, want_source, "\"%s\": source", text);
		is_str(value.grants[0].dest, want_dest, "\"%s\": destination", text);
		is_str(value.grants[0].origin, "--test", "\"%s\": origin", text);
	}
	value_free(&value);
}

static void paths(void)
{
	char longer[3000];

	path("/srv/data", "/srv/data", "/srv/data");
	path("/srv//data/./x/", "/srv/data/x", "/srv/data/x");
	path("/", "/", "/");
	path("/srv/data:/data", "/srv/data", "/data");
	path("/srv/a:b", "/srv/a:b", "/srv/a:b");
	path("/srv/a:b:/c", "/srv/a:b", "/c");
	path("/srv/a:~/c", "/srv/a", "/home/me/c");
	path("~", "/home/me", "/home/me");
	path("~/docs", "/home/me/docs", "/home/me/docs");
	path("docs", "/proj/here/docs", "/proj/here/docs");
	path("./docs", "/proj/here/docs", "/proj/here/docs");
	path(".", "/proj/here", "/proj/here");
	path("../other", "/proj/other", "/proj/other");
	path("../../..", "/", "/");
	path("", NULL, NULL);
	path("~bob/x", NULL, NULL);
	path("/srv/../etc", NULL, NULL);
	path("docs/../x", NULL, NULL);
	path("/srv/data:relative", "/srv/data:relative", "/srv/data:relative");
	path("/srv/data:/a/../b", NULL, NULL);
	path("/srv/..data", "/srv/..data", "/srv/..data");
	memset(longer, 'x', sizeof longer);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	path(longer, NULL, NULL);

	struct value value = { 0 };
	const struct value_source in_file = { .home = "/home/me", .origin = "f" };
	is_int(value_parse(&policy_keys[KEY_FILES_READ], "docs", &in_file, &value, NULL), -1,
	       "a relative path in a file is refused");
	value_free(&value);
}

static void environment(void)
{
	static const char *const bad[] = { "", "=x", "1A=x", "A-B=x", "A B", "\xc3\xa4=1" };
	struct value value = { 0 };
	const struct policy_key *key = &policy_keys[KEY_ENV];

	is_int(value_parse(key, "A=b=c", &source, &value, NULL), 0, "NAME=VALUE");
	is_int(value_parse(key, "_B1", &source, &value, NULL), 0, "NAME");
	is_int(value_parse(key, "C=", &source, &value, NULL), 0, "NAME=");
	is_str(value.env[0].value, "b=c", "the value has the rest");
	is_str(value.env[1].value, NULL, "no value: pass on");
	is_str(value.env[2].value, "", "an empty value is one");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(value_parse(key, bad[i], &source, &value, NULL), -1, "\"%s\" is refused", bad[i]);
	is_int(value.env_n, 3, "nothing was added");
	value_free(&value);
}

static const char *suggestion(const char *word)
{
	const char *best = NULL;
	unsigned cost = 0;

	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].option)
			policy_suggest(word, policy_keys[i].option, &best, &cost);
	return best;
}

static void suggestions(void)
{
	is_str(suggestion("--memroy"), "--memory", "swapped letters");
	is_str(suggestion("--call_timeout"), "--call-timeout", "an underscore");
	is_str(suggestion("--netwrk"), "--network", "a letter missing");
	is_str(suggestion("--Policy"), "--policy", "case");
	is_str(suggestion("--session"), "--session-timeout", "the first part");
	is_str(suggestion("--zzzzzz"), NULL, "nothing like it");
	is_str(suggestion(""), NULL, "nothing");
}

int main(void)
{
	table();
	numbers();
	numbers_written();
	paths();
	environment();
	suggestions();
	return done_testing();
}
