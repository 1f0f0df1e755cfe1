/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of formats, and those that are about neither names nor networks: RFC 3339 (dates, times, durations),
 * RFC 4122, RFC 6901 and its relative form, ECMA-262 expressions, and paths.
 */
#include "rpc/schema-format.h"

#include "rpc/schema-regex.h"

/* N digits at *AT, at most MAX. */
static bool digits(struct span text, size_t *at, unsigned n, unsigned max, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < n; i++, (*at)++) {
		if (*at >= text.n || !format_digit(text.p[*at]))
			return false;
		*value = *value * 10 + (unsigned)(text.p[*at] - '0');
	}
	return *value <= max;
}

static bool one_of(struct span text, size_t *at, const char *these)
{
	if (*at >= text.n || text.p[*at] == '\0' || !strchr(these, text.p[*at]))
		return false;
	(*at)++;
	return true;
}

static bool date(struct span text, size_t *at)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, day;

	if (!digits(text, at, 4, 9999, &year) || !one_of(text, at, "-") || !digits(text, at, 2, 12, &month) ||
	    !one_of(text, at, "-") || !digits(text, at, 2, 31, &day) || month == 0 || day == 0)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (unsigned)(leap && month == 2);
}

/* A leap second is the last one of a day in UTC. */
static bool time_of_day(struct span text, size_t *at)
{
	unsigned hour, minute, second, away_hours = 0, away_minutes = 0;
	int away = 0;

	if (!digits(text, at, 2, 23, &hour) || !one_of(text, at, ":") || !digits(text, at, 2, 59, &minute) ||
	    !one_of(text, at, ":") || !digits(text, at, 2, 60, &second))
		return false;
	if (one_of(text, at, ".")) {
		size_t first = *at;
		while (*at < text.n && format_digit(text.p[*at]))
			(*at)++;
		if (*at == first)
			return false;
	}
	if (!one_of(text, at, "Zz")) {
		bool west = *at < text.n && text.p[*at] == '-';
		if (!one_of(text, at, "+-") || !digits(text, at, 2, 23, &away_hours) || !one_of(text, at, ":") ||
		    !digits(text, at, 2, 59, &away_minutes))
			return false;
		away = (int)(away_hours * 60 + away_minutes);
		away = west ? -away : away;
	}
	return second < 60 || ((int)(hour * 60 + minute) - away + 2 * 1440) % 1440 == 1439;
}

static bool format_date(struct span text)
{
	size_t at = 0;

	return date(text, &at) && at == text.n;
}

static bool format_time(struct span text)
{
	size_t at = 0;

	return time_of_day(text, &at) && at == text.n;
}

static bool format_date_time(struct span text)
{
	size_t at = 0;

	return date(text, &at) && one_of(text, &at, "Tt") && time_of_day(text, &at) && at == text.n;
}

/* Digits and one of UNITS, each unit once and followed only by the next one: "HMS". false: there is something else. */
static bool units(struct span text, size_t *at, const char *these, bool *any)
{
	const char *from = NULL;

	for (;;) {
		size_t p = *at;
		while (p < text.n && format_digit(text.p[p]))
			p++;
		if (p == *at)
			return true;
		if (p == text.n || !text.p[p])
			return false;
		const char *unit = strchr(these, text.p[p]);
		if (!unit || (from && unit != from + 1))
			return false;
		from = unit;
		*at = p + 1;
		*any = true;
	}
}

static bool format_duration(struct span text)
{
	size_t at = 1;
	bool any = false, time = false;

	if (text.n < 2 || text.p[0] != 'P')
		return false;
	if (text.p[text.n - 1] == 'W') {
		bool good = units(text, &at, "W", &any);
		return good && any && at == text.n;
	}
	if (!units(text, &at, "YMD", &any))
		return false;
	if (at < text.n && text.p[at] == 'T') {
		at++;
		if (!units(text, &at, "HMS", &time) || !time)
			return false;
	}
	return (any || time) && at == text.n;
}

static bool format_uuid(struct span text)
{
	if (text.n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text.p[i] != '-' : !format_hex(text.p[i]))
			return false;
	}
	return true;
}

static bool format_json_pointer(struct span text)
{
	if (text.n > 0 && text.p[0] != '/')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '~' && (i + 1 == text.n || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
			return false;
	return true;
}

static bool format_relative_json_pointer(struct span text)
{
	size_t n = 0;

	while (n < text.n && format_digit(text.p[n]))
		n++;
	if (n == 0 || (n > 1 && text.p[0] == '0'))
		return false;
	struct span rest = { text.p + n, text.n - n };
	return span_is(rest, "#") || format_json_pointer(rest);
}

static bool format_regex(struct span text)
{
	CLEANUP_BUF struct buf made = BUF_INIT(0);
	size_t at;

	return regex_translate(text, &made, &at) == NULL;
}

static bool format_path(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return text.n > 0;
}

typedef bool holds(struct span text);

static const struct { const char *name; holds *holds; const char *words; } formats[] = {
	{ "date", format_date, "a date such as 2026-03-09" },
	{ "date-time", format_date_time, "a date and time with its offset, such as 2026-03-09T17:30:00Z" },
	{ "duration", format_duration, "a duration such as P3D or PT15M" },
	{ "email", format_email, "an e-mail address" },
	{ "hostname", format_hostname, "the name of a host" },
	{ "idn-email", format_idn_email, "an e-mail address" },
	{ "idn-hostname", format_idn_hostname, "the name of a host" },
	{ "ipv4", format_ipv4, "an IPv4 address such as 192.0.2.7" },
	{ "ipv6", format_ipv6, "an IPv6 address such as 2001:db8::7" },
	{ "iri", format_iri, "an absolute IRI such as https://example.org/" },
	{ "iri-reference", format_iri_reference, "an IRI or a relative reference" },
	{ "json-pointer", format_json_pointer, "a JSON Pointer such as /a/0" },
	{ "path", format_path, "a path without control characters" },
	{ "regex", format_regex, "a regular expression of ECMA-262" },
	{ "relative-json-pointer", format_relative_json_pointer, "a relative JSON Pointer such as 1/a" },
	{ "time", format_time, "a time with its offset, such as 17:30:00Z" },
	{ "uri", format_uri, "an absolute URI such as https://example.org/" },
	{ "uri-reference", format_uri_reference, "a URI or a relative reference" },
	{ "uri-template", format_uri_template, "a URI template (RFC 6570)" },
	{ "uuid", format_uuid, "a UUID such as 123e4567-e89b-12d3-a456-426614174000" },
};

uint32_t schema_format_find(struct span name)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (span_is(name, formats[i].name))
			return i;
	return FORMAT_NONE;
}

bool schema_format_holds(uint32_t format, struct span text)
{
	return formats[format].holds(text);
}

const char *schema_format_words(uint32_t format)
{
	return formats[format].words;
}
